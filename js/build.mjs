// Bundles the TypeScript sources to dist/, one ES module for each entry point.
import { rm } from "node:fs/promises";
import { build } from "esbuild";

const outdir = "dist";

await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: ["shared/src/format.ts"],
  outbase: ".",
  outdir,
  bundle: true,
  entryNames: "shared/[name]",
  format: "esm",
  logLevel: "info",
  minify: true,
  sourcemap: true,
  target: "es2022",
});
