import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RunSnapshot } from "../../shared/src/generated/view-model";
import {
  bundle,
  closeAll,
  eventually,
  FakeKernel,
  FakeNotebook,
  FakeOutput,
  NAME,
  named,
  PAGE,
  show,
  snapshot,
  tell,
  visibleText,
} from "./scene";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(async () => {
  await closeAll();
  vi.useRealTimers();
});

function elsewhere(run: RunSnapshot): RunSnapshot {
  return { ...run, summary: { ...run.summary, lives: "elsewhere" } };
}

test("a notebook without a kernel shows the saved run and how to get a live one", async () => {
  const notebook = new FakeNotebook();
  notebook.kernel = null;
  const renderer = show(new FakeOutput(bundle(snapshot("finished"))), notebook);
  await eventually(() => expect(visibleText(renderer)).toContain(NAME));
  expect(visibleText(renderer)).toMatch(/A saved view, as of .*%mipro show 20261124-1405-k7m2/);
});

test("nothing but the live widget is shown where it is there", async () => {
  const notebook = new FakeNotebook();
  const renderer = show(new FakeOutput(bundle(snapshot("running"))), notebook);
  expect(visibleText(renderer)).toBe("");
  notebook.widget.find();
  await eventually(() => expect(visibleText(renderer)).toBe("live"));
});

test("a widget that is not found is replaced by the saved run", async () => {
  const notebook = new FakeNotebook();
  const renderer = show(new FakeOutput(bundle(snapshot("finished"))), notebook);
  notebook.widget.fail();
  await eventually(() => expect(visibleText(renderer)).toContain(NAME));
  expect(visibleText(renderer)).not.toContain("Error displaying widget");
});

test("a widget that does not come for long is not waited for without anything to see", async () => {
  const notebook = new FakeNotebook();
  const renderer = show(new FakeOutput(bundle(snapshot("running"))), notebook);
  await eventually(() => expect(visibleText(renderer)).toContain(NAME));
  expect(visibleText(renderer)).not.toContain("Loading widget");
});

test("a widget that comes late takes the place of the saved run", async () => {
  const notebook = new FakeNotebook();
  notebook.kernel = null;
  const renderer = show(new FakeOutput(bundle(snapshot("running"))), notebook);
  await eventually(() => expect(visibleText(renderer)).toContain(NAME));
  notebook.kernel = new FakeKernel();
  notebook.kernelChanged.emit();
  expect(visibleText(renderer)).toContain(NAME);
  notebook.widget.find();
  await eventually(() => expect(visibleText(renderer)).toBe("live"));
});

test("a widget that was only read from the notebook is not taken for a live one", async () => {
  const notebook = new FakeNotebook();
  const renderer = show(new FakeOutput(bundle(snapshot("finished"))), notebook);
  notebook.widget.find();
  notebook.widget.disconnect();
  await eventually(() => expect(visibleText(renderer)).toContain(NAME));
});

test("after a restart of the kernel its run is shown, and saved, as cut off", async () => {
  const notebook = new FakeNotebook();
  const output = new FakeOutput(bundle(null));
  const renderer = show(output, notebook);
  const root = notebook.widget.find();
  await eventually(() => expect(visibleText(renderer)).toBe("live"));
  tell(root, snapshot("running"));
  notebook.restartKernel();
  await eventually(() => expect(visibleText(renderer)).toContain("Cut off"));
  expect(visibleText(renderer)).toContain(NAME);
  expect(visibleText(renderer)).toContain("%mipro resume");
  expect(notebook.isUnsaved).toBe(true);
  notebook.save();
  expect(output.saved.snapshot?.summary.state).toBe("cut off");
});

test.each([
  ["that had ended", snapshot("finished")],
  ["in another kernel", elsewhere(snapshot("running"))],
])("a restart of the kernel does not change a run %s", async (_, saved) => {
  const notebook = new FakeNotebook();
  const output = new FakeOutput(bundle(saved));
  const renderer = show(output, notebook);
  notebook.restartKernel();
  await eventually(() => expect(visibleText(renderer)).toContain(NAME));
  notebook.save();
  expect(output.saved).toEqual(bundle(saved));
});

test("an untrusted notebook's widget is never loaded, and its saved run is shown", async () => {
  const notebook = new FakeNotebook();
  const output = new FakeOutput(bundle(snapshot("finished")), { trusted: false });
  const renderer = show(output, notebook);
  await eventually(() => expect(visibleText(renderer)).toContain(NAME));
  notebook.kernelChanged.emit();
  expect(notebook.renderers).toEqual([]);
});

test("drawing an output again leaves its live widget alone", async () => {
  const notebook = new FakeNotebook();
  const output = new FakeOutput(bundle(snapshot("running")));
  const renderer = show(output, notebook);
  const root = notebook.widget.find();
  await eventually(() => expect(visibleText(renderer)).toBe("live"));
  await renderer.renderModel(output);
  notebook.kernelChanged.emit();
  expect(visibleText(renderer)).toBe("live");
  expect(root.isConnected).toBe(true);
});

test("another widget in the output takes the place of the first", async () => {
  const notebook = new FakeNotebook();
  const renderer = show(new FakeOutput(bundle(snapshot("running"))), notebook);
  const root = notebook.widget.find();
  await eventually(() => expect(visibleText(renderer)).toBe("live"));
  await renderer.renderModel(new FakeOutput(bundle(null), { widget: "w2" }));
  notebook.widget.find().textContent = "another";
  await eventually(() => expect(visibleText(renderer)).toBe("another"));
  expect(root.isConnected).toBe(false);
});

test("saving the notebook saves the page that the live widget passed on", () => {
  const notebook = new FakeNotebook();
  const output = new FakeOutput(bundle(snapshot("running")));
  show(output, notebook);
  const detail = { page: PAGE };
  notebook.widget.find().dispatchEvent(new CustomEvent("mipro:page", { detail, bubbles: true }));
  expect(notebook.isUnsaved).toBe(true);
  notebook.save();
  expect(output.data).toMatchObject(PAGE);
  expect(output.saved).toEqual(bundle(snapshot("running")));
});

test("what can be looked into without a kernel is saved although it comes last", () => {
  const notebook = new FakeNotebook();
  const finished = snapshot("finished", 7);
  const output = new FakeOutput(bundle({ ...finished, details: [] }));
  show(output, notebook);
  tell(notebook.widget.find(), finished);
  notebook.save();
  expect(output.saved.snapshot?.details).toEqual(finished.details);
  expect(finished.details).not.toEqual([]);
});

test("saving the notebook saves what the live widget told last, and all else as it was", () => {
  const notebook = new FakeNotebook();
  const output = new FakeOutput(bundle(snapshot("running", 5)));
  const before = output.data;
  show(output, notebook);
  const root = notebook.widget.find();
  tell(root, snapshot("running", 8));
  tell(root, snapshot("finished", 9));
  expect(notebook.isUnsaved).toBe(true);
  expect(output.data).toBe(before);
  notebook.save();
  expect(output.saved).toEqual(bundle(snapshot("finished", 9)));
  expect({ ...output.data, "application/vnd.mipro.run+json": null }).toEqual({
    ...before,
    "application/vnd.mipro.run+json": null,
  });
});

test("what is old, or of another run, is not saved", () => {
  const notebook = new FakeNotebook();
  const output = new FakeOutput(bundle(snapshot("running", 5)));
  const before = output.data;
  show(output, notebook);
  const root = notebook.widget.find();
  const other = snapshot("running", 9);
  tell(root, { ...other, summary: { ...other.summary, id: "another" } });
  tell(root, snapshot("running", 5));
  tell(root, snapshot("running", 4));
  expect(notebook.isUnsaved).toBe(false);
  notebook.save();
  expect(output.data).toBe(before);
});

test("a run that began after its question is saved as permitted", () => {
  const notebook = new FakeNotebook();
  const asked = { state: "asked" } as never;
  const output = new FakeOutput({ ...bundle(null), permission: asked });
  show(output, notebook);
  tell(notebook.widget.find(), snapshot("running"));
  notebook.save();
  expect(output.saved.run).toBe("20261124-1405-k7m2");
  expect(output.saved.permission?.state).toBe("permitted");
});

test("two views of one output know the same of its run", async () => {
  const notebook = new FakeNotebook();
  const output = new FakeOutput(bundle(snapshot("running", 5)));
  show(output, notebook);
  const root = notebook.widget.find();
  const second = show(output, notebook);
  notebook.widget.fail();
  tell(root, named("as told to the first", snapshot("running", 8)));
  await eventually(() => expect(visibleText(second)).toContain("as told to the first"));
});

test("an output of a later version says so", async () => {
  const notebook = new FakeNotebook();
  notebook.kernel = null;
  const renderer = show(new FakeOutput({ schema: 2 }), notebook);
  await eventually(() => expect(visibleText(renderer)).toContain("Update mipro_nb"));
});

test("a view that is closed draws no more", async () => {
  const notebook = new FakeNotebook();
  notebook.kernel = null;
  const renderer = show(new FakeOutput(bundle(snapshot("finished"))), notebook);
  await eventually(() => expect(visibleText(renderer)).toContain(NAME));
  renderer.dispose();
  notebook.kernel = new FakeKernel();
  notebook.kernelChanged.emit();
  expect(notebook.renderers).toEqual([]);
});
