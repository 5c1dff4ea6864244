/** A kernel that is not there: answers every question, and lets a run go on. */

import type { Asks, RunSnapshot, TrialRow } from "../shared/src/generated/view-model";
import { choices } from "../shared/src/model/words";
import type { FromKernel, Request, What } from "../shared/src/protocol";
import { FakeWire } from "../shared/tests/wire";
import {
  calls,
  demoSetCard,
  demos,
  detail,
  historyRows,
  instructionCard,
  type RunOptions,
  runningRow,
  snapshotOf,
  started,
  summaryOf,
  trialRow,
  usual,
} from "./data";

type Answers = { readonly [W in What]: (ask: Asks[W]["ask"]) => Asks[W]["answer"] };

export class FakeKernel extends FakeWire {
  /** Deltas sent so far. */
  deltas = 0;
  #options: RunOptions;
  #snapshot: RunSnapshot;
  #trials: TrialRow[];
  #seq: number;
  #timer: ReturnType<typeof setInterval> | null = null;
  readonly #answering: boolean;
  readonly #onPermission: (permitted: boolean) => void;

  constructor(
    options: RunOptions,
    answering = true,
    onPermission: (permitted: boolean) => void = () => {},
  ) {
    super();
    this.#options = options;
    this.#snapshot = snapshotOf(options);
    this.#trials = [...this.#snapshot.trials];
    this.#seq = this.#snapshot.seq;
    this.#answering = answering;
    this.#onPermission = onPermission;
  }

  get snapshot(): RunSnapshot {
    return { ...this.#snapshot, seq: this.#seq, trials: [...this.#trials] };
  }

  override send(request: Request): void {
    if (!this.#answering) {
      return;
    }
    setTimeout(() => {
      const answer = this.#answers[request.what] as (ask: unknown) => unknown;
      this.tell({ kind: "answer", id: request.id, value: answer(request.ask) });
    }, 30);
  }

  lose(): void {
    this.pause();
    this.connect(false);
  }

  /** Sends so many deltas a second, each with a part of a trial scored. */
  play(perSecond: number, stepsPerTrial = 5): void {
    let step = 0;
    this.#timer = setInterval(() => {
      step += 1;
      const next = this.#trials.findIndex((row) => row.state === "running");
      const trial = next === -1 ? this.#trials.length : (this.#trials[next]?.trial ?? 0);
      const done = step % stepsPerTrial === 0;
      const row = done
        ? trialRow(this.#options, trial)
        : runningRow(this.#options, trial, (step % stepsPerTrial) / stepsPerTrial);
      this.#trials[next === -1 ? this.#trials.length : next] = row;
      this.#sendDelta([row]);
    }, 1000 / perSecond);
  }

  pause(): void {
    if (this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  #sendDelta(trials: readonly TrialRow[]): void {
    this.#seq += 1;
    this.deltas += 1;
    const touched = choices(trials[0]?.configuration ?? {});
    this.tell({
      kind: "delta",
      run: this.#options.id,
      delta: {
        seq: this.#seq,
        summary: { ...summaryOf(this.#options, this.#trials), as_of: started + this.#seq },
        trials,
        instructions: touched.map(({ predictor, instruction }) =>
          instructionCard(this.#options, this.#trials, predictor, instruction ?? 0),
        ),
        demo_sets: touched.map(({ predictor, demos }) =>
          demoSetCard(this.#options, this.#trials, predictor, demos ?? 0),
        ),
      },
    });
  }

  override tell(message: FromKernel): void {
    // As over a wire: nothing is shared.
    super.tell(JSON.parse(JSON.stringify(message)) as FromKernel);
  }

  #become(state: RunOptions["state"]): null {
    this.#options = { ...this.#options, state };
    this.#sendDelta([]);
    return null;
  }

  readonly #answers: Answers = {
    hello: () => null,
    snapshot: ({ run }) =>
      run === this.#options.id
        ? this.snapshot
        : snapshotOf({ ...usual, id: run, state: "finished", trials: 40 }),
    trial: ({ trial }) => detail(this.#options, trialRow(this.#options, trial)),
    calls,
    tested: () => null,
    tested_calls: () => [],
    demos: () => demos(this.#options, 12),
    prompt: ({ form }) => `The prompt as ${form}.`,
    save: ({ trial, name }) => `Trial ${trial} is saved to /home/me/${name}.`,
    use: ({ trial, name }) => `${name} is now the program of trial ${trial}.`,
    share: () => "<!doctype html><p>A run.</p>",
    text: () => "The whole text. ".repeat(400),
    pause: () => this.#become("paused"),
    resume: () => this.#become("running"),
    stop: () => this.#become("stopped"),
    pin: () => null,
    ban: () => null,
    approve: () => null,
    add: () => ({ index: 8 }),
    change: () => null,
    measure: () => null,
    permit: () => {
      this.#onPermission(true);
      return null;
    },
    join: () => {
      this.#onPermission(true);
      return null;
    },
    decline: () => {
      this.#onPermission(false);
      return null;
    },
    history: () => historyRows(),
    rename: ({ run, name }) => ({ ...rowOf(run), name }),
    tag: ({ run, tags }) => ({ ...rowOf(run), tags }),
    note: ({ run, note }) => ({ ...rowOf(run), note }),
    rate: () => null,
    template: () => ({}),
    record_place: () => "/data/record.sqlite",
    delete: () => null,
    compare: ({ runs }) => ({
      runs: runs.map((run, place) => ({
        row: rowOf(run),
        curve: [52, 61, 68, 70 + place * 3, 82 - place * 4].map((score, at) => ({
          calls: 100 + at * 90,
          usd: 0.02 + at * 0.021,
          seconds: 20 + at * 40,
          score,
        })),
        instructions: {
          answer: {
            text: "Answer with the bare fact that the passages support.",
            characters: 52,
            more: null,
          },
        },
      })),
    }),
  };
}

function rowOf(run: string) {
  const rows = historyRows();
  return rows.find((row) => row.id === run) ?? (rows[0] as (typeof rows)[number]);
}
