import { act, render, screen } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { expect, it } from "vitest";
import { App } from "../../src/components/App";
import type { WidgetState } from "../../src/generated/view-model";
import { Kernel } from "../../src/model/kernel";
import { permission, snapshot, summary, trial } from "../runs";
import { FakeWire } from "../wire";

const nothing: WidgetState = {
  kind: "run",
  permission: null,
  snapshot: null,
  history: null,
  comparison: null,
};

async function shown(state: Partial<WidgetState>) {
  const wire = new FakeWire();
  render(<App state={{ ...nothing, ...state }} kernel={new Kernel(wire)} keep={() => {}} />);
  if (state.snapshot) {
    const { snapshot: known } = state;
    await act(async () => wire.answer("snapshot", known));
  }
}

async function faults(): Promise<string[]> {
  const { violations } = await axe.run(document.body, {
    // jsdom has neither colours nor a page around the view.
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  return violations.flatMap(({ help, nodes }) => nodes.map(({ html }) => `${help}: ${html}`));
}

it("the dialog has no fault that axe finds", async () => {
  await shown({ permission: permission() });
  expect(await faults()).toEqual([]);
});

it("the dialog with a wrong cap has none", async () => {
  await shown({ permission: permission() });
  await userEvent.type(screen.getByRole("textbox", { name: "LM calls" }), "no");
  expect(await faults()).toEqual([]);
});

it.each(["Trials", "Instructions", "Spending", "Settings"])(
  "the run view on %s has none",
  async (tab) => {
    const trials = Array.from({ length: 60 }, (_, number) => trial(number));
    await shown({ snapshot: snapshot({ trials }) });
    await userEvent.click(screen.getByRole("tab", { name: new RegExp(tab) }));
    expect(await faults()).toEqual([]);
  },
);

it("the run view with its column choice and a question open has none", async () => {
  await shown({ snapshot: snapshot() });
  await userEvent.click(screen.getByRole("button", { name: "Stop" }));
  await userEvent.click(screen.getByRole("button", { name: "Columns" }));
  expect(await faults()).toEqual([]);
});

it("a run that has failed has none", async () => {
  const failed = summary({ state: "failed", reason: "The key was refused.", steerable: false });
  await shown({ snapshot: snapshot({ summary: failed, trials: [] }) });
  expect(await faults()).toEqual([]);
});
