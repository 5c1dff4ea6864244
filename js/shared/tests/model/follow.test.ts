import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RunSnapshot } from "../../src/generated/view-model";
import { follow } from "../../src/model/follow";
import { keepNewest } from "../../src/model/keep";
import { Kernel } from "../../src/model/kernel";
import { RunStore } from "../../src/model/store";
import { delta, RUN, snapshot, summary, trial } from "../runs";
import { FakeWire } from "../wire";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function following() {
  const wire = new FakeWire();
  const seen: string[] = [];
  const stop = follow(new Kernel(wire), RUN, {
    snapshot: ({ seq }) => seen.push(`snapshot ${seq}`),
    delta: ({ seq }) => seen.push(`delta ${seq}`),
    failed: (reason) => seen.push(`failed: ${reason}`),
  });
  const settle = () => vi.advanceTimersByTimeAsync(0);
  return { wire, seen, stop, settle };
}

describe("following a run", () => {
  it("takes a snapshot and then the deltas of this run only", async () => {
    const { wire, seen, settle } = following();
    expect(wire.asked("snapshot")[0]?.ask).toEqual({ run: RUN });
    wire.answer("snapshot", snapshot());
    await settle();
    wire.tell({ kind: "delta", run: "another", delta: delta(300) });
    wire.tell({ kind: "delta", run: RUN, delta: delta(101) });
    expect(seen).toEqual(["snapshot 100", "delta 101"]);
  });

  it("asks for the details of the best trial once the run has ended, and once only", async () => {
    const { wire, settle } = following();
    wire.answer("snapshot", snapshot());
    await settle();
    const end = { summary: summary({ state: "finished", steerable: false }) };
    wire.tell({ kind: "delta", run: RUN, delta: delta(101, end) });
    wire.tell({ kind: "delta", run: RUN, delta: delta(102, end) });
    expect(wire.asked("snapshot")).toHaveLength(2);
    wire.answer("snapshot", snapshot({ seq: 102, ...end }));
    await settle();
    wire.tell({ kind: "delta", run: RUN, delta: delta(103, end) });
    expect(wire.asked("snapshot")).toHaveLength(2);
  });

  it("asks again when deltas were missed while an answer was overdue", async () => {
    const { wire, settle } = following();
    await vi.advanceTimersByTimeAsync(5_000);
    wire.hear(false);
    wire.hear(true);
    wire.answer("snapshot", snapshot());
    await settle();
    expect(wire.asked("snapshot").length).toBeGreaterThan(1);
    const ids = new Set(wire.asked("snapshot").map(({ id }) => id));
    expect(ids.size).toBe(2);
  });

  it("asks again when the kernel comes back, for deltas were missed", async () => {
    const { wire, seen, settle } = following();
    wire.answer("snapshot", snapshot());
    await settle();
    wire.connect(false);
    wire.connect(true);
    expect(wire.asked("snapshot")).toHaveLength(2);
    wire.answer("snapshot", snapshot({ seq: 140 }));
    await settle();
    expect(seen).toEqual(["snapshot 100", "snapshot 140"]);
  });

  it("asks again when a kernel that was too busy to answer is heard again", async () => {
    const { wire, seen, settle } = following();
    await vi.advanceTimersByTimeAsync(61_000);
    expect(seen).toEqual(["failed: The kernel has not answered yet; it may be busy."]);
    wire.tell({ kind: "delta", run: RUN, delta: delta(101) });
    expect(new Set(wire.asked("snapshot").map(({ id }) => id)).size).toBe(2);
    wire.answer("snapshot", snapshot({ seq: 101 }));
    await settle();
    expect(seen.at(-1)).toBe("snapshot 101");
  });

  it("asks again once deltas are heard again, also where it began without", async () => {
    const { wire, seen, settle } = following();
    wire.answer("snapshot", snapshot());
    await settle();
    wire.hear(false);
    wire.hear(true);
    wire.answer("snapshot", snapshot({ seq: 140 }));
    await settle();
    wire.hear(false);
    wire.hear(true);
    wire.hear(false);
    expect(wire.asked("snapshot")).toHaveLength(3);
    wire.answer("snapshot", snapshot({ seq: 150 }));
    await settle();
    wire.hear(true);
    wire.answer("snapshot", snapshot({ seq: 160 }));
    await settle();
    expect(seen).toEqual([100, 140, 150, 160].map((seq) => `snapshot ${seq}`));
  });

  it("says nothing more once it is stopped", async () => {
    const { wire, seen, stop, settle } = following();
    stop();
    wire.answer("snapshot", snapshot());
    wire.tell({ kind: "delta", run: RUN, delta: delta(101) });
    await settle();
    expect(seen).toEqual([]);
  });
});

describe("keeping the newest snapshot", () => {
  function keeping() {
    const store = new RunStore(snapshot(), (callback) => callback());
    const kept: RunSnapshot[] = [];
    const stop = keepNewest(store, (newest) => kept.push(newest));
    return { store, kept, stop };
  }

  it("happens at once, so that a run that has begun is not lost with its kernel", () => {
    expect(keeping().kept.map(({ seq }) => seq)).toEqual([100]);
  });

  it("happens at most every two seconds, with the state of then", async () => {
    const { store, kept } = keeping();
    kept.length = 0;
    for (let seq = 101; seq <= 110; seq += 1) {
      store.apply(delta(seq, { trials: [trial(seq)] }));
    }
    expect(kept).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(kept.map(({ seq }) => seq)).toEqual([110]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(kept).toHaveLength(1);
  });

  it("happens at the end of the run at once", () => {
    const { store, kept } = keeping();
    store.apply(delta(101));
    store.apply(delta(102, { summary: summary({ state: "finished" }) }));
    expect(kept.at(-1)?.summary.state).toBe("finished");
  });

  it("happens for the last time when the view is closed", () => {
    const { store, kept, stop } = keeping();
    store.apply(delta(101));
    stop();
    store.apply(delta(102));
    expect(kept.map(({ seq }) => seq)).toEqual([100, 101]);
  });
});
