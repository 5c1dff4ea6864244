import type { NotebookPanel } from "@jupyterlab/notebook";
import { Signal } from "@lumino/signaling";
import { expect, test, vi } from "vitest";
import { NotebookPlace } from "../src/notebook";

/** A notebook whose session is ready. */
class FakePanel {
  readonly kernel = { connectionStatus: "connecting" };
  readonly sessionContext = {
    connectionStatusChanged: new Signal<object, string>(this),
    isReady: true,
    kernelChanged: new Signal<object, object>(this),
    ready: Promise.resolve(),
    session: { kernel: this.kernel },
    statusChanged: new Signal<object, string>(this),
  };
  readonly context = { model: { cells: [] }, saveState: new Signal<object, string>(this) };
  readonly content = { rendermime: { createRenderer: () => ({}), getFactory: () => ({}) } };

  connect(): void {
    this.kernel.connectionStatus = "connected";
    this.sessionContext.connectionStatusChanged.emit("connected");
  }
}

test("a kernel is there as soon as it can be reached, and no sooner", () => {
  const panel = new FakePanel();
  const place = new NotebookPlace(panel as unknown as NotebookPanel);
  const changed = vi.fn();
  place.kernelChanged.connect(changed);
  expect(place.kernel).toBeNull();
  expect(place.createWidgetRenderer()).toBeNull();
  panel.connect();
  expect(changed).toHaveBeenCalledOnce();
  expect(place.kernel).toBe(panel.kernel);
  expect(place.createWidgetRenderer()).not.toBeNull();
});
