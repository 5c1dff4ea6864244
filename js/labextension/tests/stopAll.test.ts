import { beforeEach, expect, test, vi } from "vitest";

const dialogs = vi.hoisted(() => ({ accept: true, shown: [] as string[], errors: [] as string[] }));
vi.mock("@jupyterlab/apputils", () => ({
  Dialog: { cancelButton: () => ({}), warnButton: () => ({}) },
  showDialog: async ({ title }: { title: string }) => {
    dialogs.shown.push(title);
    return { button: { accept: dialogs.accept } };
  },
  showErrorMessage: async (_: string, text: string) => dialogs.errors.push(text),
}));

import type { RunsFeed } from "../src/runs/feed";
import { stopAll } from "../src/runs/stopAll";
import { liveRow } from "./page";

/** A feed of three runs, of which one has ended since. */
function feed() {
  const asked: string[] = [];
  const ask = async (_: string, { run }: { run: string }) => {
    asked.push(run);
    if (run === "silent") {
      throw new Error("Run silent does not answer. Try again.");
    }
  };
  const live = ["going", "over", "silent"].map((id) => liveRow({ id }));
  const known = {
    live,
    kernel: { ask },
    liveRow: (id: string) => (id === "over" ? null : liveRow({ id })),
  };
  return { asked, known: known as unknown as RunsFeed };
}

beforeEach(() => {
  Object.assign(dialogs, { accept: true, shown: [], errors: [] });
});

test("all runs that still go on are stopped, and each refusal is told whole", async () => {
  const { asked, known } = feed();
  await stopAll(known);
  expect(dialogs.shown).toEqual(["Stop 3 runs?"]);
  expect(asked).toEqual(["going", "silent"]);
  expect(dialogs.errors).toEqual(["Run silent does not answer. Try again."]);
});

test("none is stopped without a yes", async () => {
  const { asked, known } = feed();
  dialogs.accept = false;
  await stopAll(known);
  expect(asked).toEqual([]);
});
