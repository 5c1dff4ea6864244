/** What the name of an exported run ends with. */
export const SUFFIX = ".mipro.json";
