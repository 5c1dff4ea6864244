import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BUSY, GONE, Kernel, SERVER_BUSY } from "../../src/model/kernel";
import { delta, RUN, snapshot } from "../runs";
import { FakeWire } from "../wire";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function connected() {
  const wire = new FakeWire();
  return { wire, kernel: new Kernel(wire) };
}

describe("asking", () => {
  it("gives each question its own answer, in whatever order they come", async () => {
    const { wire, kernel } = connected();
    const first = kernel.ask("add", {
      run: RUN,
      predictor: "solve",
      instruction: "a",
      based_on: null,
      replaces: false,
    });
    const second = kernel.ask("add", {
      run: RUN,
      predictor: "solve",
      instruction: "b",
      based_on: null,
      replaces: false,
    });
    const [a, b] = wire.asked("add");
    wire.tell({ kind: "answer", id: b?.id ?? 0, value: { index: 2 } });
    wire.tell({ kind: "answer", id: a?.id ?? 0, value: { index: 1 } });
    expect(await first).toEqual({ index: 1 });
    expect(await second).toEqual({ index: 2 });
  });

  it("sends a question again until it is answered, as the same one", async () => {
    const { wire, kernel } = connected();
    const asked = kernel.ask("pause", { run: RUN });
    vi.advanceTimersByTime(2_000);
    const sent = wire.asked("pause");
    expect(sent.length).toBeGreaterThan(1);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    wire.tell({ kind: "answer", id: sent[0]?.id ?? 0, value: null });
    await asked;
    vi.advanceTimersByTime(60_000);
    expect(wire.asked("pause")).toHaveLength(sent.length);
    expect(kernel.presence).toBe("live");
  });

  it("fails with the kernel's sentence when it is refused", async () => {
    const { wire, kernel } = connected();
    const asked = kernel.ask("stop", { run: RUN });
    wire.refuse("stop", "The run has already ended.");
    await expect(asked).rejects.toThrow("The run has already ended.");
  });

  it("does not take the answers to another view of the same widget for its own", async () => {
    const wire = new FakeWire();
    const [one, other] = [new Kernel(wire), new Kernel(wire)];
    const mine = one.ask("pause", { run: RUN });
    const theirs = other.ask("stop", { run: RUN });
    wire.refuse("stop", "No.");
    wire.answer("pause", null);
    await expect(theirs).rejects.toThrow("No.");
    await expect(mine).resolves.toBeNull();
  });

  it("is given up in the end, saying that the kernel may be busy", async () => {
    const { kernel } = connected();
    const asked = expect(kernel.ask("pause", { run: RUN })).rejects.toThrow(BUSY);
    await vi.advanceTimersByTimeAsync(60_000);
    await asked;
  });

  it("takes no harm from an answer that comes after that", async () => {
    const { wire, kernel } = connected();
    const asked = expect(kernel.ask("pause", { run: RUN })).rejects.toThrow(BUSY);
    await vi.advanceTimersByTimeAsync(60_000);
    await asked;
    wire.answer("pause", null);
    expect(kernel.presence).toBe("live");
  });

  it("fails at once for all that wait when the connection is lost", async () => {
    const { wire, kernel } = connected();
    const asked = [kernel.ask("pause", { run: RUN }), kernel.ask("stop", { run: RUN })];
    wire.connect(false);
    for (const one of asked) {
      await expect(one).rejects.toThrow(GONE);
    }
    await expect(kernel.ask("stop", { run: RUN })).rejects.toThrow(GONE);
    expect(wire.asked("stop")).toHaveLength(1);
  });
});

describe("deltas", () => {
  it("are passed on with their run", () => {
    const { wire, kernel } = connected();
    const seen: [string, number][] = [];
    const stop = kernel.onDelta((run, { seq }) => seen.push([run, seq]));
    wire.tell({ kind: "delta", run: RUN, delta: delta(101) });
    stop();
    wire.tell({ kind: "delta", run: RUN, delta: delta(102) });
    expect(seen).toEqual([[RUN, 101]]);
  });
});

describe("presence", () => {
  it("is live once anything was heard", () => {
    const { wire, kernel } = connected();
    expect(kernel.presence).toBe("connecting");
    wire.tell({ kind: "delta", run: RUN, delta: delta(101) });
    expect(kernel.presence).toBe("live");
  });

  it("is absent when the first question stays unanswered for four seconds", async () => {
    const { wire, kernel } = connected();
    const seen: string[] = [];
    kernel.onPresence((presence) => seen.push(presence));
    const asked = kernel.ask("snapshot", { run: RUN });
    await vi.advanceTimersByTimeAsync(3_900);
    expect(kernel.presence).toBe("connecting");
    await vi.advanceTimersByTimeAsync(200);
    expect(kernel.presence).toBe("absent");
    wire.answer("snapshot", snapshot());
    await asked;
    expect(seen).toEqual(["absent", "live"]);
  });

  it("is busy, not absent, when the kernel was heard before", async () => {
    const { wire, kernel } = connected();
    wire.tell({ kind: "delta", run: RUN, delta: delta(101) });
    const asked = kernel.ask("pause", { run: RUN });
    await vi.advanceTimersByTimeAsync(4_100);
    expect(kernel.presence).toBe("busy");
    wire.tell({ kind: "delta", run: RUN, delta: delta(102) });
    expect(kernel.presence).toBe("busy");
    wire.answer("pause", null);
    await asked;
    expect(kernel.presence).toBe("live");
  });

  it("is gone when a kernel that was heard loses its connection, and may come back", () => {
    const { wire, kernel } = connected();
    wire.tell({ kind: "delta", run: RUN, delta: delta(101) });
    wire.connect(false);
    expect(kernel.presence).toBe("gone");
    wire.connect(true);
    expect(kernel.presence).toBe("connecting");
  });

  it("is unheard while only what was asked for arrives, and nothing that waits is given up", async () => {
    const { wire, kernel } = connected();
    const asked = kernel.ask("history", {});
    wire.hear(false);
    expect(kernel.presence).toBe("unheard");
    wire.answer("history", []);
    await expect(asked).resolves.toEqual([]);
    expect(kernel.presence).toBe("unheard");
    wire.hear(true);
    expect(kernel.presence).toBe("live");
  });

  it("of a server says that the server may be busy", async () => {
    const wire = new FakeWire();
    wire.hasOnlyRecord = true;
    const asked = new Kernel(wire).ask("history", {});
    const refused = expect(asked).rejects.toThrow(SERVER_BUSY);
    await vi.advanceTimersByTimeAsync(61_000);
    await refused;
  });

  it("is absent from the beginning where there is no connection", () => {
    const wire = new FakeWire();
    wire.connected = false;
    expect(new Kernel(wire).presence).toBe("absent");
  });
});

it("listens to nothing once it is closed", () => {
  const { wire, kernel } = connected();
  expect(wire.listeners).toBeGreaterThan(0);
  kernel.close();
  expect(wire.listeners).toBe(0);
});
