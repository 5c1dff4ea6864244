// Builds the page of scenes into dev/dist, to be opened in a browser over HTTP or from the file system.
import { copyFile, mkdir } from "node:fs/promises";
import { build } from "esbuild";

export const page = new URL("dist/page.html", import.meta.url);

export async function buildPage() {
  const folder = import.meta.dirname;
  await mkdir(`${folder}/dist`, { recursive: true });
  await copyFile(`${folder}/page.html`, `${folder}/dist/page.html`);
  await build({
    entryPoints: [
      { in: `${folder}/page.tsx`, out: "page" },
      { in: `${folder}/../widgets/src/widget.css`, out: "page" },
    ],
    outdir: `${folder}/dist`,
    bundle: true,
    define: { "process.env.NODE_ENV": '"production"' },
    format: "iife",
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: true,
    target: "es2022",
  });
  return page;
}

if (import.meta.filename === process.argv[1]) {
  console.log((await buildPage()).href);
}
