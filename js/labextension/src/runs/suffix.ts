/** What the name of an exported run ends with. */
export const SUFFIX = ".mipro.json";

/** The same in any case, and as a second download or a copy is named: `kept.mipro (1).json`. */
export const EXPORTED = "\\.[mM][iI][pP][rR][oO][^.]*\\.[jJ][sS][oO][nN]$";

/** Whether a file is an exported run, by its name. */
export function isExported(path: string): boolean {
  return new RegExp(EXPORTED).test(path);
}
