/**
 * The view-model: what a view of a run is drawn from, as Python's `mipro_nb.runs.views.view` writes it.
 *
 * Scores are 0–100 unless said otherwise, times are Unix seconds, durations seconds, money USD.
 * Every text in here may come from an LM: it is drawn as text, never as HTML.
 */

import type { Range } from "./format";

export type RunState =
  | "planned"
  | "running"
  | "paused"
  | "finished"
  | "stopped"
  | "capped"
  | "failed"
  | "cut off";

export type Phase = "formats" | "baseline" | "bootstrap" | "propose" | "search" | "other";
export type EvaluationKind = "baseline" | "minibatch" | "full";
/** What of a predictor is chosen: which instruction, or which demo set. */
export type Part = "instruction" | "demos";
/** Variable (`"predictor:instruction"`, `"predictor:demos"`) → index of the candidate chosen. */
export type Configuration = Readonly<Record<string, number>>;

/** A text that may have been cut; `more` names the whole of it, for a `text` request. */
export interface Clip {
  readonly text: string;
  /** Length of the whole text. */
  readonly characters: number;
  /** Null where `text` is the whole. */
  readonly more: string | null;
}

export interface Spend {
  readonly calls: number;
  readonly cached_calls: number;
  readonly failed_calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** Null where the price of any call is unknown. */
  readonly usd: number | null;
  /** Requests that were sent, answered or not; absent from what older versions saved. */
  readonly attempts?: number;
  /** A server did not count tokens: they, and the USD, are about right. */
  readonly about?: boolean;
}

/** Calls that a stop, or the end of a process, gave up in flight, at their worst. */
export interface Lost {
  readonly calls: number;
  /** 0 where neither tokens nor USD were capped: then the worst is not known. */
  readonly tokens: number;
  readonly usd: number;
}

export interface PhaseEstimate {
  readonly phase: Phase;
  readonly calls: Range;
  readonly input_tokens: Range;
  readonly output_tokens: Range;
  readonly usd: Range | null;
}

export interface Estimate {
  readonly phases: readonly PhaseEstimate[];
  readonly total: PhaseEstimate;
  /** Why it is a guess, in words that follow "since"; absent from what older versions saved. */
  readonly guess?: string | null;
}

/** Hard limits of a run; null where there is none. */
export interface Caps {
  readonly max_usd: number | null;
  readonly max_calls: number | null;
  readonly max_tokens: number | null;
  readonly max_seconds: number | null;
}

/** The caps that a run's events tell of: those that they leave out are not set. */
export type ToldCaps = Partial<Caps> | null;

/** The estimate that a run's events tell of: nothing but a whole one can be shown. */
export type ToldEstimate = Partial<Estimate> | null;

export interface PhaseProgress {
  readonly phase: Phase;
  readonly state: "waiting" | "running" | "done";
  /** Units done, and units in all where that is known; their unit is `unit`. */
  readonly done: number;
  readonly total: number | null;
  readonly unit: string;
  readonly spend: Spend;
}

/** What one prompt format came to on the training rows that it was measured on. */
export interface MeasuredFormat {
  readonly format: string;
  readonly score: number;
  readonly unreadable: number;
  /** Rows that failed for another reason than an unreadable reply. */
  readonly errors: number;
  readonly tokens: number;
}

/** The prompt formats that a run measured before all else, and the one that it goes on in. */
export interface MeasuredFormats {
  readonly rows: number;
  readonly measured: readonly MeasuredFormat[];
  /** Null as long as it is not chosen. */
  readonly chosen: string | null;
  readonly reason: string | null;
}

/** All of a run that is one value, not a list. */
export interface RunSummary {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly state: RunState;
  /** What resumes it; see `Resumable`. Absent from what older versions saved. */
  readonly resume_lines?: readonly string[];
  /** Why it stopped, was capped, failed, or paused by itself. */
  readonly reason: string | null;
  readonly program: string;
  /** Predictor → its signature. */
  readonly predictors: Readonly<Record<string, string>>;
  readonly models: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
  readonly trainset_size: number;
  readonly valset_size: number;
  readonly created: number;
  readonly ended: number | null;
  /** How long it has worked, without pauses, as of `as_of`: its last event, if it was cut off. */
  readonly seconds: number;
  readonly as_of: number;
  readonly phases: readonly PhaseProgress[];
  /** Null where none were measured; absent from what older versions saved. */
  readonly formats?: MeasuredFormats | null;
  /** Examples scored, and to be scored at most, in baseline and search. */
  readonly done: number;
  readonly total: number | null;
  /** Seconds to go; null where it is not known. */
  readonly eta: number | null;
  /** Null where the run is not in this kernel. */
  readonly in_flight: number | null;
  readonly num_threads: number;
  readonly spend: Spend;
  /** Absent from what older versions saved. */
  readonly lost?: Lost;
  readonly estimate?: ToldEstimate;
  readonly caps?: ToldCaps;
  readonly baseline: number | null;
  readonly best: {
    readonly trial: number;
    readonly score: number;
    readonly configuration: Configuration;
    /** What the score rests on, if that is not the whole valset; absent from older notebooks. */
    readonly rests?: string | null;
  } | null;
  /** 95 % interval of the gain over the student, in points; only after the end. */
  readonly gain: { readonly low: number; readonly high: number } | null;
  /** Examples that failed. */
  readonly errors: number;
  readonly steerable: boolean;
  /** Where it is: in this kernel, in another one, or nowhere any more. */
  readonly lives: "here" | "elsewhere" | "ended";
}

export interface TrialRow {
  readonly trial: number;
  readonly kind: EvaluationKind;
  readonly configuration: Configuration;
  readonly state: "running" | "done" | "given up";
  /** Examples in it, scored so far, and of those the ones an earlier trial had scored. */
  readonly examples: number;
  readonly scored: number;
  readonly reused: number;
  readonly errors: number;
  /** Why the first of its failed examples failed. */
  readonly reason?: Clip | null;
  readonly score: number | null;
  /** 95 % interval of the score. */
  readonly low: number | null;
  readonly high: number | null;
  readonly calls: number;
  readonly cached_calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly usd: number | null;
  /** A server did not count tokens: they, and the USD, are about right. */
  readonly about?: boolean;
  readonly asked_at: number;
  /** How long it took; for a running one, null. */
  readonly seconds: number | null;
}

/** A candidate's record in the search. */
interface Standing {
  readonly predictor: string;
  readonly index: number;
  /** Mean over all examples scored with it, 0–100. */
  readonly score: number | null;
  readonly trials: number;
  readonly examples: number;
  readonly pinned: boolean;
  readonly banned: boolean;
}

export interface InstructionCard extends Standing {
  readonly instruction: Clip;
  readonly source: "student" | "proposed" | "user";
  readonly tip: string | null;
  /** The demo set that the prompt model saw. */
  readonly demo_set: number | null;
  /** The candidate that the user edited into this one. */
  readonly based_on: number | null;
}

export interface DemoSetCard extends Standing {
  readonly source: "empty" | "labelled" | "bootstrapped";
  readonly bootstrapped: number;
  readonly labelled: number;
  /** The demos, each as field → text; all of them are fetched with the `demos` request. */
  readonly preview: readonly Readonly<Record<string, Clip>>[];
  readonly demos: number;
}

export interface RunSnapshot {
  /** Version of this form. */
  readonly schema: 1;
  /** Number of the last event that it takes into account. */
  readonly seq: number;
  readonly summary: RunSummary;
  readonly trials: readonly TrialRow[];
  readonly instructions: readonly InstructionCard[];
  readonly demo_sets: readonly DemoSetCard[];
  /** What can be drilled into without a kernel: baseline and best trial, within a size limit. */
  readonly details: readonly TrialDetail[];
  /** Trials that a notebook was not burdened with; only in what was kept for one. */
  readonly left_out?: number;
}

/** What changed: rows replace those with the same key (trial; predictor and index). */
export interface RunDelta {
  readonly seq: number;
  readonly summary: RunSummary;
  readonly trials: readonly TrialRow[];
  readonly instructions: readonly InstructionCard[];
  readonly demo_sets: readonly DemoSetCard[];
}

export interface Message {
  readonly role: string;
  readonly content: Clip;
}

export interface ExampleRow {
  readonly example: number;
  readonly inputs: Readonly<Record<string, Clip>>;
  readonly expected: Readonly<Record<string, Clip>>;
  readonly prediction: Readonly<Record<string, Clip>> | null;
  /** 0–1; null while it is being scored. */
  readonly score: number | null;
  /** The score as the metric gave it, where its scale is not 0–1. */
  readonly points?: number;
  readonly feedback: Clip | null;
  readonly error: Clip | null;
  readonly seconds: number | null;
  /** Trial that scored it: another one where the cell was reused. */
  readonly scored_by: number;
  /** What of the replies was not written as asked and was read all the same. */
  readonly notes?: readonly Clip[];
}

export interface TrialDetail {
  readonly trial: TrialRow;
  /** Per predictor, the prompt as it was sent for one example: `example` tells which. */
  readonly prompts: readonly {
    readonly predictor: string;
    readonly example: number | null;
    readonly messages: readonly Message[];
  }[];
  readonly examples: readonly ExampleRow[];
}

export interface CallDetail {
  readonly phase: Phase;
  readonly model: string;
  readonly messages: readonly Message[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly reply: Clip | null;
  /** What the model thought before it answered: no part of the reply. */
  readonly thoughts?: Clip | null;
  /** Why it failed, or why the reply cannot be used. */
  readonly error: Clip | null;
  readonly truncated: boolean;
  readonly from_cache: boolean;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** False where the server did not count tokens: then they, and the USD, are about right. */
  readonly counted?: boolean;
  readonly usd: number | null;
  readonly seconds: number;
  readonly at: number;
}

/** A line of the history. */
export interface HistoryRow {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly program: string;
  readonly state: RunState;
  readonly created: number;
  readonly seconds: number;
  readonly baseline: number | null;
  readonly score: number | null;
  readonly trials: number;
  readonly calls: number;
  readonly usd: number | null;
  /** A server did not count tokens: the USD are about right. */
  readonly about?: boolean;
  readonly models: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, unknown>>;
  /** What may have been billed besides; absent, as the next, from what older versions saved. */
  readonly lost_usd?: number;
  readonly resume_lines?: readonly string[];
  /** The run is going on in this kernel. */
  readonly here: boolean;
}

export interface RunComparison {
  readonly runs: readonly {
    readonly row: HistoryRow;
    /** Best full score so far against what had been spent, at each full evaluation. */
    readonly curve: readonly {
      readonly calls: number;
      readonly usd: number | null;
      readonly seconds: number;
      readonly score: number;
    }[];
    /** Predictor → instruction of the returned program. */
    readonly instructions: Readonly<Record<string, Clip>>;
  }[];
}

/** A question for permission, and what became of it. */
export interface PermissionRequest {
  readonly state: "asked" | "permitted" | "joined" | "declined";
  /** The run that is resumed; null for a new one, absent from what older versions saved. */
  readonly resumes?: string | null;
  /** The run of the same plan that is already running; null, or absent, if none does. */
  readonly joins?: string | null;
  readonly program: string;
  readonly predictors: Readonly<Record<string, string>>;
  readonly models: Readonly<Record<string, string>>;
  readonly trainset_size: number;
  readonly valset_size: number;
  readonly settings: Readonly<Record<string, unknown>>;
  /** What to know before a yes; below its first line, a note may hold code. */
  readonly notes: readonly string[];
  readonly estimate: Estimate;
  readonly caps: Caps;
}
