/** The newest state of one run, kept up to date by deltas. */

import type {
  DemoSetCard,
  InstructionCard,
  ObjectivesView,
  RunDelta,
  RunSnapshot,
  TrialRow,
} from "../generated/view-model";

/** Calls back once, later: `requestAnimationFrame` in a browser. */
export type Schedule = (callback: () => void) => void;

export class RunStore {
  #snapshot: RunSnapshot;
  #trials = new Rows<TrialRow>((row) => row.trial, byTrial);
  #instructions = new Rows<InstructionCard>(candidateKey, byCandidate);
  #demoSets = new Rows<DemoSetCard>(candidateKey, byCandidate);
  /** Large and seldom changed: a delta has them only where they have. */
  #objectives: ObjectivesView | null = null;
  #objectivesSeq = -1;
  #stale = false;
  #scheduled = false;
  readonly #listeners = new Set<() => void>();
  readonly #schedule: Schedule;

  constructor(snapshot: RunSnapshot, schedule: Schedule = onFrame) {
    this.#schedule = schedule;
    this.#snapshot = snapshot;
    this.#put(snapshot);
  }

  /** The run as of now. The same object, and in it the same rows, while they do not change. */
  get snapshot(): RunSnapshot {
    if (this.#stale) {
      this.#stale = false;
      this.#snapshot = {
        ...this.#snapshot,
        summary: { ...this.#snapshot.summary, objectives: this.#objectives },
        trials: this.#trials.all,
        instructions: this.#instructions.all,
        demo_sets: this.#demoSets.all,
      };
    }
    return this.#snapshot;
  }

  /** Takes a delta into account. One that comes late, or twice, changes nothing that is newer. */
  apply(delta: RunDelta): void {
    const { seq, summary } = delta;
    this.#put(delta);
    const known = this.#snapshot;
    if (seq > known.seq || (seq === known.seq && summary.as_of >= known.summary.as_of)) {
      this.#snapshot = { ...known, seq, summary };
    }
    this.#changed();
  }

  /** Takes a fresh snapshot into account, unless what is known is newer. */
  replace(snapshot: RunSnapshot): void {
    if (snapshot.seq < this.#snapshot.seq || snapshot === this.#snapshot) {
      return;
    }
    // What can be looked into without a kernel comes once, at the end of the run.
    const details = snapshot.details.length > 0 ? snapshot.details : this.#snapshot.details;
    const tested = snapshot.tested ?? this.#snapshot.tested;
    this.#snapshot = { ...snapshot, details, ...(tested && { tested }) };
    this.#put(snapshot);
    this.#changed();
  }

  /** Calls back after changes, at most once a frame; returns how to stop that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #put({ seq, summary, trials, instructions, demo_sets }: RunSnapshot | RunDelta): void {
    if (summary.objectives !== undefined && seq >= this.#objectivesSeq) {
      this.#objectives = summary.objectives;
      this.#objectivesSeq = seq;
    }
    this.#trials.put(trials, seq);
    this.#instructions.put(instructions, seq);
    this.#demoSets.put(demo_sets, seq);
  }

  #changed(): void {
    this.#stale = true;
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#schedule(() => {
        this.#scheduled = false;
        for (const listener of this.#listeners) {
          listener();
        }
      });
    }
  }
}

function onFrame(callback: () => void): void {
  requestAnimationFrame(callback);
}

interface Candidate {
  readonly predictor: string;
  readonly index: number;
}

function candidateKey({ predictor, index }: Candidate): string {
  return `${index}:${predictor}`;
}

function byTrial(a: TrialRow, b: TrialRow): number {
  return a.trial - b.trial;
}

function byCandidate(a: Candidate, b: Candidate): number {
  if (a.predictor === b.predictor) {
    return a.index - b.index;
  }
  return a.predictor < b.predictor ? -1 : 1;
}

/** Rows by key; a row is only replaced by one that is as new. */
class Rows<Row> {
  readonly #entries = new Map<string | number, { row: Row; seq: number }>();
  /** The rows in order; null after a change, so that many changes in a frame cost one sort. */
  #all: readonly Row[] | null = null;
  readonly #key: (row: Row) => string | number;
  readonly #order: (a: Row, b: Row) => number;

  constructor(key: (row: Row) => string | number, order: (a: Row, b: Row) => number) {
    this.#key = key;
    this.#order = order;
  }

  get all(): readonly Row[] {
    this.#all ??= Array.from(this.#entries.values(), ({ row }) => row).sort(this.#order);
    return this.#all;
  }

  put(rows: readonly Row[], seq: number): void {
    for (const row of rows) {
      const key = this.#key(row);
      if (seq >= (this.#entries.get(key)?.seq ?? seq)) {
        this.#entries.set(key, { row, seq });
        this.#all = null;
      }
    }
  }
}
