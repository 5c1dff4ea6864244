import { describe, expect, it } from "vitest";
import type { RunDelta, TrialRow } from "../../src/generated/view-model";
import { RunStore } from "../../src/model/store";
import { delta, FIVE_PAST_TWO, instruction, snapshot, summary, trial } from "../runs";

/** A store whose frames come when the test says so. */
function storeWithFrames(start = snapshot()) {
  const frames: (() => void)[] = [];
  const store = new RunStore(start, (callback) => frames.push(callback));
  const frame = () => frames.splice(0).forEach((callback) => void callback());
  return { store, frame };
}

function scores(store: RunStore): (number | null)[] {
  return store.snapshot.trials.map((row) => row.score);
}

describe("a delta", () => {
  it("replaces rows of the same trial and adds new ones in their place", () => {
    const { store } = storeWithFrames();
    store.apply(delta(101, { trials: [trial(4), trial(1, { score: 99 })] }));
    store.apply(delta(102, { trials: [trial(3)] }));
    expect(store.snapshot.trials.map((row) => row.trial)).toEqual([0, 1, 2, 3, 4]);
    expect(store.snapshot.trials[1]?.score).toBe(99);
  });

  it("replaces cards of the same predictor and index", () => {
    const { store } = storeWithFrames();
    store.apply(
      delta(101, {
        instructions: [
          instruction(1, { banned: true }),
          instruction(1, { predictor: "check", pinned: true }),
        ],
      }),
    );
    const cards = store.snapshot.instructions;
    expect(cards).toHaveLength(3);
    expect(cards.find((card) => card.predictor === "solve" && card.index === 1)?.banned).toBe(true);
    expect(cards.find((card) => card.predictor === "check")?.pinned).toBe(true);
  });

  it("leaves alone the rows that it does not name", () => {
    const { store } = storeWithFrames();
    const before = store.snapshot.trials;
    store.apply(delta(101, { trials: [trial(1, { score: 99 })] }));
    const after = store.snapshot.trials;
    expect(after[0]).toBe(before[0]);
    expect(after[2]).toBe(before[2]);
    expect(before[1]?.score).toBe(61);
  });

  it("that comes late changes nothing newer, neither rows nor summary", () => {
    const { store } = storeWithFrames();
    const late = delta(101, { trials: [trial(1, { score: 10 }), trial(5)] });
    store.apply(delta(102, { trials: [trial(1, { score: 20 })] }));
    store.apply(late);
    expect(store.snapshot.trials[1]?.score).toBe(20);
    expect(store.snapshot.trials.map((row) => row.trial)).toContain(5);
    expect(store.snapshot.seq).toBe(102);
    expect(store.snapshot.summary.as_of).toBe(FIVE_PAST_TWO + 102);
  });

  it("leaves alone what configurations take, where it does not say", () => {
    const { store } = storeWithFrames();
    const objectives = { cost: "usd", told: "2 configurations", rows: [] } as const;
    store.apply(delta(101, { summary: summary({ objectives }) }));
    store.apply(delta(102));
    expect(store.snapshot.summary.objectives).toBe(objectives);
    store.apply(delta(103, { summary: summary({ objectives: null }) }));
    expect(store.snapshot.summary.objectives).toBeNull();
  });

  it("without an event of its own still brings the clock on", () => {
    const { store } = storeWithFrames();
    store.apply(delta(100, { summary: summary({ as_of: FIVE_PAST_TWO + 5, seconds: 125 }) }));
    store.apply(delta(100, { summary: summary({ as_of: FIVE_PAST_TWO + 2, seconds: 122 }) }));
    expect(store.snapshot.summary.seconds).toBe(125);
  });
});

describe("any order and repetition of deltas", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("ends in the same state (shuffle %i)", (seed) => {
    const random = chance(seed);
    const deltas: RunDelta[] = Array.from({ length: 60 }, (_, at) => {
      const rows: TrialRow[] = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
        trial(Math.floor(random() * 20), { score: Math.floor(random() * 100) }),
      );
      const unique = [...new Map(rows.map((row) => [row.trial, row])).values()];
      const one = delta(101 + at);
      const objectives = { cost: "usd", told: `after ${at}`, rows: [] } as const;
      return delta(101 + at, {
        summary: random() < 0.2 ? { ...one.summary, objectives } : one.summary,
        trials: unique,
        instructions: [instruction(Math.floor(random() * 5), { trials: at })],
      });
    });
    const inOrder = storeWithFrames().store;
    deltas.forEach((one) => void inOrder.apply(one));

    const shuffled = [...deltas, ...deltas.filter(() => random() < 0.3)]
      .map((one) => ({ one, at: random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one);
    const { store, frame } = storeWithFrames();
    for (const one of shuffled) {
      store.apply(one);
      if (random() < 0.2) {
        frame();
        void store.snapshot;
      }
    }
    expect(store.snapshot).toEqual(inOrder.snapshot);
  });
});

describe("subscribers", () => {
  it("hear once a frame, however many deltas came", () => {
    const { store, frame } = storeWithFrames();
    let heard = 0;
    store.subscribe(() => {
      heard += 1;
    });
    for (let seq = 101; seq < 151; seq += 1) {
      store.apply(delta(seq, { trials: [trial(seq % 7)] }));
    }
    expect(heard).toBe(0);
    frame();
    expect(heard).toBe(1);
    frame();
    expect(heard).toBe(1);
  });

  it("hear nothing once they have left", () => {
    const { store, frame } = storeWithFrames();
    let heard = 0;
    const leave = store.subscribe(() => {
      heard += 1;
    });
    leave();
    store.apply(delta(101));
    frame();
    expect(heard).toBe(0);
  });

  it("see the same object until something changes", () => {
    const { store } = storeWithFrames();
    const first = store.snapshot;
    expect(store.snapshot).toBe(first);
    store.apply(delta(101));
    expect(store.snapshot).not.toBe(first);
    expect(store.snapshot.trials).toBe(store.snapshot.trials);
  });
});

describe("a fresh snapshot", () => {
  it("brings what deltas do not: details", () => {
    const { store } = storeWithFrames();
    store.apply(delta(101, { trials: [trial(3)] }));
    const detail = { trial: trial(0), prompts: [], examples: [] };
    store.replace(snapshot({ seq: 101, trials: [trial(0), trial(3)], details: [detail] }));
    expect(store.snapshot.details).toEqual([detail]);
    expect(scores(store)).toHaveLength(4);
  });

  it("that is older than what is known is not taken", () => {
    const { store } = storeWithFrames();
    store.apply(delta(105, { trials: [trial(1, { score: 77 })] }));
    store.replace(snapshot({ seq: 104 }));
    expect(store.snapshot.seq).toBe(105);
    expect(store.snapshot.trials[1]?.score).toBe(77);
  });

  it("keeps what can be looked into without a kernel when a fresh snapshot brings none", () => {
    const detail = { trial: trial(0), prompts: [], examples: [] };
    const store = new RunStore(snapshot({ seq: 101, details: [detail] }), (now) => now());
    store.replace(snapshot({ seq: 101 }));
    expect(store.snapshot.details).toEqual([detail]);
  });
});

function chance(seed: number): () => number {
  let state = seed * 2_654_435_769;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
