/** Style sheets are put into the page by the bundler. */
declare module "*.css";
/** Pictures are taken as text. */
declare module "*.svg" {
  const text: string;
  export default text;
}
