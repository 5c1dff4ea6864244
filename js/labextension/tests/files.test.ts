import { expect, it } from "vitest";
import { isExported } from "../src/runs/suffix";

it.each([
  ["kept.mipro.json", true],
  ["a folder/Kept.MIPRO.JSON", true],
  ["kept.mipro (1).json", true],
  ["kept.mipro(2).json", true],
  ["kept.mipro-Copy1.json", true],
  ["kept.json", false],
  ["kept.mipro.json.bak", false],
  ["mipro.json", false],
  ["kept.mipro.v2.json", false],
])("%s is an exported run: %s", (path, is) => {
  expect(isExported(path)).toBe(is);
});
