import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { permission } from "../../dev/data";
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
  visibleText,
} from "./scene";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(async () => {
  await closeAll();
  vi.useRealTimers();
});

test("a run whose cell keeps the kernel busy is followed over a subshell", async () => {
  const notebook = new FakeNotebook();
  const kernel = new FakeKernel();
  notebook.kernel = kernel;
  const output = new FakeOutput(bundle(snapshot("running", 5)));
  const renderer = show(output, notebook);
  const question = await eventually(() => kernel.question("snapshot"));
  expect(question.shell).toBe("s1");
  kernel.answer("w1", question, named("as the kernel knows it", snapshot("running", 8)));
  await eventually(() => expect(visibleText(renderer)).toContain("as the kernel knows it"));
  expect(visibleText(renderer)).not.toContain("A saved view");
  kernel.say("w1", { method: "custom", content: { kind: "page", page: PAGE } });
  await eventually(() => expect(notebook.isUnsaved).toBe(true));
  notebook.save();
  expect(output.data).toMatchObject(PAGE);
});

test("where a kernel has no subshells, its main shell is asked", async () => {
  const notebook = new FakeNotebook();
  const kernel = new FakeKernel([]);
  notebook.kernel = kernel;
  show(new FakeOutput(bundle(snapshot("running"))), notebook);
  const question = await eventually(() => kernel.question("snapshot"));
  expect(question.shell).toBeNull();
});

test("a subshell that could not be asked for at first is asked for again", async () => {
  const notebook = new FakeNotebook();
  const kernel = new FakeKernel();
  kernel.isConnected = false;
  notebook.kernel = kernel;
  show(new FakeOutput(bundle(snapshot("running"))), notebook);
  await eventually(() => expect(kernel.question("snapshot").shell).toBeNull());
  kernel.isConnected = true;
  notebook.kernelChanged.emit();
  await eventually(() => expect(kernel.asked.map(({ shell }) => shell)).toContain("s1"));
});

test("what the kernel says to another widget is not shown", async () => {
  const notebook = new FakeNotebook();
  const kernel = new FakeKernel();
  notebook.kernel = kernel;
  const renderer = show(new FakeOutput(bundle(snapshot("running", 5))), notebook);
  const question = await eventually(() => kernel.question("snapshot"));
  kernel.answer("w2", question, named("another widget's", snapshot("running", 8)));
  kernel.answer("w1", question, named("this widget's", snapshot("running", 7)));
  await eventually(() => expect(visibleText(renderer)).toContain("this widget's"));
});

test("a run that began after the notebook was saved is shown", async () => {
  const notebook = new FakeNotebook();
  const kernel = new FakeKernel();
  notebook.kernel = kernel;
  const asked = permission(true, false);
  const renderer = show(new FakeOutput({ ...bundle(null), permission: asked }), notebook);
  await eventually(() =>
    expect(kernel.sent.map(({ data }) => data.method)).toContain("request_state"),
  );
  const begun = { permission: { ...asked, state: "permitted" }, snapshot: snapshot("running") };
  kernel.say("w1", { method: "update", state: begun });
  await eventually(() => expect(visibleText(renderer)).toContain(NAME));
});

test("the live widget ends what was followed without it", async () => {
  const notebook = new FakeNotebook();
  const kernel = new FakeKernel();
  notebook.kernel = kernel;
  const output = new FakeOutput(bundle(snapshot("running", 5)));
  const renderer = show(output, notebook);
  const question = await eventually(() => kernel.question("snapshot"));
  notebook.widget.find();
  await eventually(() => expect(visibleText(renderer)).toBe("live"));
  kernel.answer("w1", question, snapshot("finished", 8));
  notebook.save();
  expect(output.saved.snapshot?.seq).toBe(5);
});

test("a kernel is asked nothing about a run that had ended", async () => {
  const notebook = new FakeNotebook();
  const kernel = new FakeKernel();
  notebook.kernel = kernel;
  const renderer = show(new FakeOutput(bundle(snapshot("finished"))), notebook);
  notebook.widget.fail();
  await eventually(() => expect(visibleText(renderer)).toContain("A saved view"));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(kernel.sent).toEqual([]);
});
