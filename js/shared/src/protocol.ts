/**
 * What a widget and its kernel say to each other, as custom messages.
 *
 * The widget asks with a `Request`; the kernel answers each with one `Answer` or `Refusal` of the
 * same id. While a run goes on, the kernel also sends `DeltaMessage`s unasked.
 */

import type {
  CallDetail,
  Caps,
  Clip,
  HistoryRow,
  Part,
  RunComparison,
  RunDelta,
  RunSnapshot,
  TrialDetail,
} from "./run";

/** What can be asked, and what the answer to it holds. */
export interface Asks {
  /**
   * Sent once when the widget is drawn: it shows the kernel that clicks reach it. `keeps` tells
   * whether the host writes the newest snapshot into the notebook (an element around the widget
   * has the class `mipro-keeps`).
   */
  hello: { ask: { keeps: boolean }; answer: null };
  /** A fresh snapshot; the kernel then keeps sending deltas of this run. */
  snapshot: { ask: { run: string }; answer: RunSnapshot };
  trial: { ask: { run: string; trial: number }; answer: TrialDetail };
  calls: { ask: { run: string; trial: number; example: number }; answer: readonly CallDetail[] };
  demos: {
    ask: { run: string; predictor: string; index: number };
    answer: readonly Readonly<Record<string, Clip>>[];
  };
  /** The whole of a text that was cut; `more` is the Clip's. */
  text: { ask: { run: string; more: string }; answer: string };
  pause: { ask: { run: string }; answer: null };
  resume: { ask: { run: string }; answer: null };
  stop: { ask: { run: string }; answer: null };
  /** While any candidate of a part is pinned, only pinned ones are tried. */
  pin: {
    ask: { run: string; predictor: string; part: Part; index: number; on: boolean };
    answer: null;
  };
  ban: {
    ask: { run: string; predictor: string; part: Part; index: number; on: boolean };
    answer: null;
  };
  /** A new instruction by hand; with `based_on`, an edit that takes the place of that candidate. */
  add: {
    ask: { run: string; predictor: string; instruction: string; based_on: number | null };
    answer: { index: number };
  };
  /** The dialog's answer. `below_usd`: ask no more in this notebook below so many dollars. */
  permit: { ask: { caps: Caps; below_usd: number | null }; answer: null };
  /** The dialog's answer: take the run that is already running instead of starting another. */
  join: { ask: Record<string, never>; answer: null };
  decline: { ask: Record<string, never>; answer: null };
  history: { ask: Record<string, never>; answer: readonly HistoryRow[] };
  rename: { ask: { run: string; name: string }; answer: HistoryRow };
  tag: { ask: { run: string; tags: readonly string[] }; answer: HistoryRow };
  delete: { ask: { runs: readonly string[] }; answer: null };
  compare: { ask: { runs: readonly string[] }; answer: RunComparison };
}

export type What = keyof Asks;

export interface Request<W extends What = What> {
  readonly kind: "request";
  readonly id: number;
  readonly what: W;
  readonly ask: Asks[W]["ask"];
}

export interface Answer {
  readonly kind: "answer";
  readonly id: number;
  readonly value: unknown;
}

export interface Refusal {
  readonly kind: "refusal";
  readonly id: number;
  /** A sentence for the person. */
  readonly error: string;
}

export interface DeltaMessage {
  readonly kind: "delta";
  readonly run: string;
  readonly delta: RunDelta;
}

/** The view as a page without scripts and as text, for a host that keeps them in the notebook. */
export interface PageMessage {
  readonly kind: "page";
  readonly page: Readonly<Record<"text/html" | "text/plain", string>>;
}

export type FromKernel = Answer | Refusal | DeltaMessage | PageMessage;

/** The widget's traits, synced with the kernel and saved in the notebook. */
export interface WidgetState {
  /** What the widget opens with. */
  readonly kind: "run" | "history" | "comparison";
  readonly permission: import("./run").PermissionRequest | null;
  readonly snapshot: RunSnapshot | null;
  readonly history: readonly HistoryRow[] | null;
  readonly comparison: RunComparison | null;
}
