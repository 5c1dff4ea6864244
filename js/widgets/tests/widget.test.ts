import { act, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunSnapshot } from "../../shared/src/generated/view-model";
import type { Request } from "../../shared/src/protocol";
import { delta, permission, RUN, snapshot, summary } from "../../shared/tests/runs";
import widget from "../src/widget";

type Listener = (...values: never[]) => void;

/** anywidget's model, as the widget sees it. */
class FakeModel {
  readonly sent: Request[] = [];
  readonly #values = new Map<string, unknown>();
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = new Map(Object.entries(values));
  }

  get(name: string): unknown {
    return this.#values.get(name);
  }

  set(name: string, value: unknown): void {
    this.#values.set(name, value);
    this.trigger(`change:${name}`);
  }

  /** Nothing may be sent to the kernel by the way. */
  save_changes(): void {
    throw new Error("The widget has saved its state to the kernel.");
  }

  send(content: unknown): void {
    this.sent.push(content as Request);
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(listener));
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  trigger(event: string, ...values: unknown[]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      listener(...(values as never[]));
    }
  }

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

let frame: HTMLElement;
let el: HTMLElement;
let close: (() => void) | null;

beforeEach(() => {
  frame = document.body.appendChild(document.createElement("div"));
  el = frame.appendChild(document.createElement("div"));
  close = null;
});

afterEach(() => {
  act(() => close?.());
  frame.remove();
});

function rendered(values: Readonly<Record<string, unknown>>): FakeModel {
  const model = new FakeModel({ kind: "run", ...values });
  act(() => {
    close = widget.render({ model, el });
  });
  return model;
}

const end = delta(101, { summary: summary({ state: "finished", steerable: false }) });

describe("the widget", () => {
  it("greets the kernel, and tells it who keeps the run in the notebook", async () => {
    frame.className = "mipro-keeps";
    const model = rendered({ snapshot: snapshot() });
    await waitFor(() => {
      const hello = model.sent.find(({ what }) => what === "hello");
      expect(hello?.ask).toEqual({ keeps: true });
    });
  });

  it("draws what Python sets", async () => {
    const model = rendered({ permission: permission() });
    expect(screen.getByRole("form", { name: "Optimize MultiHop?" })).toBeTruthy();
    act(() => model.set("permission", permission({ state: "declined" })));
    expect(screen.getByText("Cancelled. No LM call was made.")).toBeTruthy();
  });

  it("keeps the newest snapshot in its state and tells the page, at the end at the latest", async () => {
    const model = rendered({ snapshot: snapshot() });
    const told: RunSnapshot[] = [];
    document.body.addEventListener(
      "mipro:snapshot",
      (event) => told.push((event as CustomEvent).detail.snapshot),
      { once: true },
    );
    act(() => model.trigger("msg:custom", { kind: "delta", run: RUN, delta: end }));
    await waitFor(() => expect(told).toHaveLength(1));
    expect(told[0]?.summary.state).toBe("finished");
    expect(model.get("snapshot")).toBe(told[0]);
  });

  it.each(["comm:close", "comm_live_update"])(
    "knows by %s that its kernel is gone",
    async (event) => {
      const model = rendered({ snapshot: snapshot() });
      act(() => model.trigger("msg:custom", { kind: "delta", run: RUN, delta: delta(101) }));
      act(() => model.trigger(event));
      expect(screen.getByRole("note").textContent).toContain("The kernel is gone");
    },
  );

  it("leaves nothing behind when it is closed", () => {
    const model = rendered({ snapshot: snapshot() });
    expect(model.listeners).toBeGreaterThan(0);
    act(() => close?.());
    expect(model.listeners).toBe(0);
    expect(el.childElementCount).toBe(0);
  });
});
