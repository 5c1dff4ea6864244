// Bundles the widget for anywidget: one ES module and one style sheet, packed with the Python package.
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const outdir = new URL("../mipro_nb/notebook/static/", import.meta.url).pathname;

await build({
  entryPoints: ["widgets/src/widget.tsx", "widgets/src/widget.css"],
  absWorkingDir: import.meta.dirname,
  outdir,
  entryNames: "[name]",
  bundle: true,
  define: { "process.env.NODE_ENV": '"production"' },
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
  minify: true,
  target: "es2022",
});

let total = 0;
for (const name of ["widget.js", "widget.css"]) {
  const content = await readFile(outdir + name);
  const packed = gzipSync(content, { level: 9 }).length;
  total += packed;
  console.log(`${name}: ${kilobytes(content.length)}, ${kilobytes(packed)} gzipped`);
}
console.log(`together: ${kilobytes(total)} gzipped`);

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
