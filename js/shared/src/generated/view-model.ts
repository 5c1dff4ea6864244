// Made of Python's types by typescript/generate.py: run `make types`, do not edit.

export type Phase = "formats" | "baseline" | "bootstrap" | "propose" | "search" | "repair" | "test" | "headroom" | "other";

export type EvaluationKind = "baseline" | "minibatch" | "full";

/** What a candidate is for: of a predictor, or the prompt format of the whole program. */
export type Part = "instruction" | "demos" | "format";

/**
 * Variable (`"predictor:instruction"`, `"predictor:demos"`) → index of the candidate chosen.
 *
 * `":format"` is the prompt format of the whole program, in runs that search it.
 */
export type Configuration = Readonly<Record<string, number>>;

export type RunState = "planned" | "running" | "paused" | "finished" | "stopped" | "capped" | "failed" | "cut off";

/** A text that may have been cut. */
export interface Clip {
  readonly text: string;
  /** Length of the whole text. */
  readonly characters: number;
  /**
   * Name of the whole text, for a `text` request; null where `text` is the whole, or nothing more
   * is to be had.
   */
  readonly more: string | null;
}

/** An estimate: the least, the likely and the most that something may come to. */
export interface Range {
  readonly low: number;
  readonly expected: number;
  readonly high: number;
}

/** What LM calls took. */
export interface SpendView {
  readonly calls: number;
  readonly cached_calls: number;
  readonly failed_calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** Null where the price of any call is unknown. */
  readonly usd: number | null;
  /**
   * Requests that were sent, answered or not. Absent from what older versions saved in notebooks.
   */
  readonly attempts?: number;
  /**
   * Of the requests, those that were sent beside another one of the same call, which was slow.
   * Absent from what older versions saved in notebooks.
   */
  readonly hedged_calls?: number;
  /**
   * A server did not count tokens: they, and the USD, are about right. Absent from what older
   * versions saved in notebooks.
   */
  readonly about?: boolean;
}

/** Calls that a stop, or the end of a process, gave up in flight, at their worst. */
export interface Lost {
  readonly calls: number;
  /** 0 where neither tokens nor USD were capped: then the worst is not known. */
  readonly tokens: number;
  readonly usd: number;
  /**
   * What to say about them; null if there are none. Absent from what older versions saved in
   * notebooks.
   */
  readonly told?: string | null;
  /**
   * What to say beneath the cost; null if nothing more can have been billed, or it is not known.
   * Absent from what older versions saved in notebooks.
   */
  readonly billed?: string | null;
}

/** What a phase is expected to take; `usd` is null where a price is not known. */
export interface PhaseEstimateView {
  readonly phase: Phase;
  readonly calls: Range;
  readonly input_tokens: Range;
  readonly output_tokens: Range;
  readonly usd: Range | null;
}

/** What a run is expected to take. */
export interface EstimateView {
  readonly phases: readonly PhaseEstimateView[];
  readonly total: PhaseEstimateView;
  /**
   * Why it is a guess, in words that follow "since". Absent from what older versions saved in
   * notebooks.
   */
  readonly guess?: string | null;
  /**
   * What of it is for slow calls that are sent twice; null if none are. Absent from what older
   * versions saved in notebooks.
   */
  readonly hedging?: string | null;
}

/** Hard limits of a run; null where there is none. */
export interface CapsView {
  readonly max_usd: number | null;
  readonly max_calls: number | null;
  readonly max_tokens: number | null;
  readonly max_seconds: number | null;
}

/** What a candidate adds to the score, in points, whatever it is combined with. */
export interface Effect {
  readonly index: number;
  /**
   * Against the first candidate, the student's own instruction or no demos, and half of the 95 %
   * interval; null for that one, and where nothing with the candidate was scored.
   */
  readonly adds: number | null;
  readonly margin: number | null;
}

/** The score of an instruction with a demo set, all else as in the result. */
export interface EffectCell {
  /** What it is believed to be, 0–100, and half of its 95 % interval. */
  readonly score: number;
  readonly margin: number;
  /** Those that it was scored on; 0 where it was not tried. */
  readonly examples: number;
  /** Whether it is the result itself. */
  readonly result: boolean;
}

/** What an instruction adds, and its score with each of the demo sets. */
export interface EffectRow extends Effect {
  /** One for each demo set, or just one where the run searched no demos. */
  readonly cells: readonly EffectCell[];
}

/** The effects of one predictor's candidates. */
export interface PredictorEffects {
  readonly predictor: string;
  readonly instructions: readonly EffectRow[];
  /** Empty where the run searched no demos. */
  readonly demo_sets: readonly Effect[];
  /** What stands out, in sentences. */
  readonly told: readonly string[];
  /** Candidates that are not shown. */
  readonly left_out: number;
}

/** What a prompt format adds to the score, in points, whatever it is combined with. */
export interface FormatEffect {
  readonly format: string;
  /**
   * Against the first, and half of the 95 % interval; null for that one, and if it was not tried.
   */
  readonly adds: number | null;
  readonly margin: number | null;
}

/** The effects of the prompt formats that were searched, the one of the student first. */
export interface FormatEffects {
  readonly formats: readonly FormatEffect[];
  /** What stands out, in sentences. */
  readonly told: readonly string[];
}

/** The effects of all candidates. */
export interface EffectsView {
  /** How the numbers are to be read. */
  readonly told: string;
  readonly by_predictor: readonly PredictorEffects[];
  /**
   * Null where no prompt formats were searched. Absent from what older versions saved in
   * notebooks.
   */
  readonly formats?: FormatEffects | null;
  /** Predictors that are not shown. */
  readonly left_out: number;
}

/** The 95 % interval of the gain over the student, in points. */
export interface GainView {
  readonly low: number;
  readonly high: number;
  /**
   * Why it is not called a gain: chance may have made it. Empty where it is one. Absent from what
   * older versions saved in notebooks.
   */
  readonly unclear?: string;
}

/** What the student and the returned program scored on rows that no phase had seen. */
export interface TestView {
  readonly examples: number;
  readonly student: number;
  readonly student_low: number | null;
  readonly student_high: number | null;
  readonly score: number;
  /** 95 % intervals of the scores; null where the metric gives scores outside of 0–1. */
  readonly low: number | null;
  readonly high: number | null;
  /** Null where the student itself is returned. */
  readonly gain: GainView | null;
  /** The returned program's score on the valset. */
  readonly validation: number | null;
  /** By how many points that is above the test score. */
  readonly gap: number | null;
  /** Rows that failed. */
  readonly errors: number;
  /** All of it in sentences. */
  readonly told: readonly string[];
}

/**
 * How an example came out that the student or the result fails.
 *
 * - `"never right"`: no configuration that was scored on it gets it right. - `"lost"`: the student
 * gets it right, the result does not. - `"still wrong"`: neither does, another configuration does.
 * - `"won"`: the result gets it right, the student does not.
 */
export type Verdict = "never right" | "lost" | "still wrong" | "won";

/** A line of the result: what was scored, and how it fared. */
export interface ResultScore {
  readonly what: string;
  readonly score: number;
  /** 95 % intervals; null where the metric gives scores outside of 0–1. */
  readonly low: number | null;
  readonly high: number | null;
  /** Rows of the valset that the score rests on. */
  readonly examples: number;
  /** The score on the testset; null where there is none. */
  readonly test: number | null;
  readonly test_low: number | null;
  readonly test_high: number | null;
  /**
   * What a call takes in the mean, in words; null where that is not known. Absent from what older
   * versions saved in notebooks.
   */
  readonly call?: string | null;
}

/** What became of a predictor's prompt. */
export interface ResultPrompt {
  readonly predictor: string;
  /** The index of the instruction found; null where it is the student's own. */
  readonly instruction: number | null;
  /** The student's instruction, and the one found. */
  readonly before: Clip;
  readonly after: Clip;
  /** The index of the demo set found; null where the run searched none. */
  readonly demo_set: number | null;
  /** How many demos that one has. */
  readonly demos: number;
}

/** How an example came out, over all configurations that were scored on it. */
export interface ExampleOutcome {
  readonly example: number;
  readonly verdict: Verdict;
  readonly inputs: Readonly<Record<string, Clip>>;
  readonly expected: Readonly<Record<string, Clip>>;
  /** Scores in 0–1; null where it was not scored. */
  readonly student: number | null;
  readonly result: number | null;
  /** Configurations that were scored on it, and those that got the full score. */
  readonly tried: number;
  readonly right: number;
}

/** What came of a run that has ended. */
export interface ResultView {
  /** The trial whose program was returned. */
  readonly trial: number;
  /** Whether that is another program than the student. */
  readonly changed: boolean;
  /**
   * The student first, then the student with plain labelled demos if that was scored, then the
   * result if that is another program.
   */
  readonly scores: readonly ResultScore[];
  /** What follows of the scores on the valset, and of those on the testset, in sentences. */
  readonly gain: readonly string[];
  readonly test: readonly string[];
  /**
   * What a call takes now, against what it took, in a sentence; null where it is the same, or
   * nothing is known.
   */
  readonly cost: string | null;
  /** Why this one won, in sentences. */
  readonly why: readonly string[];
  readonly prompts: readonly ResultPrompt[];
  /** Examples that the result fails. */
  readonly failing: number;
  /** How many these are, in words. */
  readonly failing_told: string;
  /** The examples that student or result fail, as many as a page can bear. */
  readonly outcomes: readonly ExampleOutcome[];
  /** How many more there are. */
  readonly outcomes_left_out: number;
  /**
   * What each candidate adds to the score; null where too little was scored to tell. Absent from
   * what older versions saved in notebooks.
   */
  readonly effects?: EffectsView | null;
}

/** A configuration that was scored on the whole valset, and what one example takes. */
export interface ObjectiveRow {
  readonly trial: number;
  readonly score: number;
  /** Null where they are not known. */
  readonly usd: number | null;
  readonly tokens: number;
  /** Those of its LM calls, one after the other. */
  readonly seconds: number | null;
  /** Length of its instructions. */
  readonly characters: number;
  /** Whether no other is better in score and cost. */
  readonly on_front: boolean;
  /** Whether it is the best so far, or what was returned. */
  readonly best: boolean;
}

/** Score and cost of the configurations that were scored on the whole valset. */
export interface ObjectivesView {
  /** What cost is told in. */
  readonly cost: "usd" | "tokens";
  /** How many there are, in words. */
  readonly told: string;
  readonly rows: readonly ObjectiveRow[];
}

/** How one of the prompts fared on the measured rows. */
export interface HeadroomPrompt {
  readonly prompt: string;
  readonly score: number;
  /** 95 % interval of the score; null where the metric gives scores outside of 0–1. */
  readonly low: number | null;
  readonly high: number | null;
  /** Points ahead of the student. */
  readonly lead: number;
  /** Answers that could not be read, and those that failed otherwise. */
  readonly unreadable: number;
  readonly errors: number;
}

/** How one of the measured rows came out. */
export interface HeadroomExample {
  readonly example: number;
  readonly inputs: Readonly<Record<string, Clip>>;
  readonly expected: Readonly<Record<string, Clip>>;
  /** In 0–1, of each prompt in their order; null where it was not scored. */
  readonly scores: readonly (number | null)[];
}

/** How far prompts are apart on the measured rows, and how far by chance alone. */
export interface HeadroomView {
  /** Training rows, and how often each was asked of each prompt. */
  readonly rows: number;
  readonly repeats: number;
  /** The student's first. */
  readonly prompts: readonly HeadroomPrompt[];
  /** Points that equally good prompts are apart by chance, and those that these are apart. */
  readonly floor: number;
  readonly spread: number;
  /** What a run can be expected to bring, in words. */
  readonly expected: string;
  /** All of it in sentences, that one among them. */
  readonly told: readonly string[];
  /** The measured rows, or the first of them: those first that no prompt gets right. */
  readonly examples?: readonly HeadroomExample[];
}

/** One trial, as every table shows it. */
export interface TrialRow {
  readonly trial: number;
  readonly kind: EvaluationKind;
  readonly configuration: Configuration;
  /**
   * The prompt format that it tries; null where it leaves that alone. Absent from what older
   * versions saved in notebooks.
   */
  readonly format?: string | null;
  readonly state: "running" | "done" | "given up";
  /** Examples in it, scored so far, and of those the ones that an earlier trial had scored. */
  readonly examples: number;
  readonly scored: number;
  readonly reused: number;
  readonly errors: number;
  /**
   * Why the first of its failed examples failed. Absent from what older versions saved in
   * notebooks.
   */
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
  /**
   * A server did not count tokens: they, and the USD, are about right. Absent from what older
   * versions saved in notebooks.
   */
  readonly about?: boolean;
  readonly asked_at: number;
  /** How long it took; null for a running one. */
  readonly seconds: number | null;
}

/** A candidate's record in the search. */
export interface Standing {
  readonly predictor: string;
  readonly index: number;
  /** Mean over all examples scored with it. */
  readonly score: number | null;
  readonly trials: number;
  readonly examples: number;
  readonly pinned: boolean;
  readonly banned: boolean;
}

/** A candidate instruction. */
export interface InstructionCard extends Standing {
  readonly instruction: Clip;
  readonly source: "student" | "proposed" | "repaired" | "user";
  readonly tip: string | null;
  /** The demo set that the prompt model saw. */
  readonly demo_set: number | null;
  /** The candidate that the user edited into this one, or that was repaired. */
  readonly based_on: number | null;
  /**
   * Rows of the trainset that a repair was shown. Absent from what older versions saved in
   * notebooks.
   */
  readonly evidence?: readonly number[];
  /**
   * It waits until a person approves, rejects or edits it. Absent from what older versions saved
   * in notebooks.
   */
  readonly undecided?: boolean;
}

/** A candidate demo set. */
export interface DemoSetCard extends Standing {
  readonly source: "empty" | "labelled" | "bootstrapped";
  readonly bootstrapped: number;
  readonly labelled: number;
  /** The first demos, each as field → text; all of them are fetched with the `demos` request. */
  readonly preview: readonly Readonly<Record<string, Clip>>[];
  /** How many there are. */
  readonly demos: number;
}

/** Which of the two programs that are scored on the testset. */
export type TestedProgram = "student" | "result";

/** A chat message. */
export interface Message {
  readonly role: string;
  readonly content: Clip;
}

/** The prompt of a predictor as it was sent for one example: `example` tells which. */
export interface Prompt {
  readonly predictor: string;
  readonly example: number | null;
  readonly messages: readonly Message[];
}

/** What a person thinks of a reply; the `reason` is empty where they gave none. */
export interface ReplyRating {
  readonly rating: "good" | "bad";
  readonly reason: Clip;
}

/** What a program made of a row, and what the metric says of it. */
export interface ReplyDetail {
  readonly prediction: Readonly<Record<string, Clip>> | null;
  /** 0–1; null while it is being scored. */
  readonly score: number | null;
  /** The score as the metric gave it, where its scale is not 0–1. */
  readonly points?: number;
  readonly feedback: Clip | null;
  readonly error: Clip | null;
  readonly seconds: number | null;
  /** What of the replies was not written as asked and was read all the same. */
  readonly notes?: readonly Clip[];
}

/** What became of one example. */
export interface ExampleRow extends ReplyDetail {
  readonly example: number;
  readonly inputs: Readonly<Record<string, Clip>>;
  readonly expected: Readonly<Record<string, Clip>>;
  /** The trial that scored it: another one where the cell was reused. */
  readonly scored_by: number;
  /** Absent where nobody has rated the reply. */
  readonly rating?: ReplyRating;
}

/** A row of the testset, and what became of it; it is numbered as the testset has it. */
export interface TestsetRow {
  readonly example: number;
  readonly inputs: Readonly<Record<string, Clip>>;
  readonly expected: Readonly<Record<string, Clip>>;
  /**
   * With the student as given, and with the program that is returned; null where it is not scored,
   * and the latter where the student itself is returned.
   */
  readonly student: ReplyDetail | null;
  readonly result: ReplyDetail | null;
}

/** The rows of the testset. */
export interface TestsetDetail {
  /** Whether another program than the student was tested. */
  readonly changed: boolean;
  /** How to look at them, and what not to do with them, in a sentence. */
  readonly told: string;
  readonly rows: readonly TestsetRow[];
}

/** A trial, the prompts that it sent, and what became of each of its examples. */
export interface TrialDetail {
  readonly trial: TrialRow;
  readonly prompts: readonly Prompt[];
  readonly examples: readonly ExampleRow[];
  /** Why its replies cannot be rated from here, in a sentence; absent where they can. */
  readonly unrateable?: string;
}

/** One LM call. */
export interface CallDetail {
  readonly phase: Phase;
  readonly model: string;
  readonly messages: readonly Message[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly reply: Clip | null;
  /**
   * What the model thought before it answered, whether the server sent it beside the reply or in
   * it: no part of the reply.
   */
  readonly thoughts: Clip | null;
  /** Why it failed, or why the reply cannot be used. */
  readonly error: Clip | null;
  readonly truncated: boolean;
  readonly from_cache: boolean;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** False where the server did not count tokens: then they, and the USD, are about right. */
  readonly counted: boolean;
  readonly usd: number | null;
  readonly seconds: number;
  readonly at: number;
  /**
   * Which program made it, where a row of the testset was scored; absent for any other call, and
   * where that is not known.
   */
  readonly program?: TestedProgram;
}

/** Where a run is: in this kernel, in another one, or nowhere any more. */
export type Lives = "here" | "elsewhere" | "ended";

/** How far a phase is. */
export interface PhaseProgress {
  readonly phase: Phase;
  readonly state: "waiting" | "running" | "done";
  /** Units done, and units in all where that is known; their unit is `unit`. */
  readonly done: number;
  readonly total: number | null;
  readonly unit: string;
  readonly spend: SpendView;
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
  /**
   * The formats that the search tries, the chosen one first; none where that is settled. Absent
   * from what older versions saved in notebooks.
   */
  readonly searched?: readonly string[];
  /**
   * Those of them that a person pinned or banned. Absent from what older versions saved in
   * notebooks.
   */
  readonly pinned?: readonly string[];
  /** Absent from what older versions saved in notebooks. */
  readonly banned?: readonly string[];
  /** Which one was chosen and why, in words. */
  readonly told: string;
}

/** The best trial so far. */
export interface BestTrial {
  readonly trial: number;
  readonly score: number;
  readonly configuration: Configuration;
  /**
   * The prompt format that it tries; null where it leaves that alone. Absent from what older
   * versions saved in notebooks.
   */
  readonly format?: string | null;
  /**
   * What the score rests on, if that is not the whole valset. Absent from what older versions
   * saved in notebooks.
   */
  readonly rests?: string | null;
}

/** What a person thinks of a run's replies. */
export interface RatingsView {
  readonly good: number;
  readonly bad: number;
  /** How many are good and bad, and how often the metric agrees, in sentences. */
  readonly told: readonly string[];
}

/** All of a run that is one value, not a list. */
export interface RunSummary {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly state: RunState;
  /**
   * Lines of code that resume it: of a cell, and of Python; none where its cell has to be run
   * again. Absent from what older versions saved in notebooks.
   */
  readonly resume_lines?: readonly string[];
  /**
   * How it is resumed where no line does it; null where one does. Absent from what older versions
   * saved in notebooks.
   */
  readonly resume_hint?: string | null;
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
  /** Absent from what older versions saved in notebooks. */
  readonly testset_size?: number;
  /**
   * Training rows that headroom is measured on; 0 for a run that optimizes. Absent from what older
   * versions saved in notebooks.
   */
  readonly measured_rows?: number;
  readonly created: number;
  readonly ended: number | null;
  /** How long it has worked, without pauses, as of `as_of`: its last event, if it was cut off. */
  readonly seconds: number;
  readonly as_of: number;
  /**
   * How many new instructions wait for a decision, in words; null where none does. Absent from
   * what older versions saved in notebooks.
   */
  readonly approval?: string | null;
  readonly phases: readonly PhaseProgress[];
  /** Null where none were measured. Absent from what older versions saved in notebooks. */
  readonly formats?: MeasuredFormats | null;
  /**
   * Null where it was not measured, or not yet. Absent from what older versions saved in
   * notebooks.
   */
  readonly headroom?: HeadroomView | null;
  /** Examples scored, and to be scored at most, in baseline, search and test. */
  readonly done: number;
  readonly total: number | null;
  /** Seconds to go; null where it is not known. */
  readonly eta: number | null;
  /** Null where the run is not in this kernel. */
  readonly in_flight: number | null;
  readonly num_threads: number;
  readonly spend: SpendView;
  /** Absent from what older versions saved in notebooks. */
  readonly lost?: Lost;
  /** Null where its events do not tell a whole one. */
  readonly estimate: EstimateView | null;
  readonly caps: CapsView;
  readonly baseline: number | null;
  readonly best: BestTrial | null;
  /** Only after the end. */
  readonly gain: GainView | null;
  /**
   * The scores on the testset; null before the end, or where there are none. Absent from what
   * older versions saved in notebooks.
   */
  readonly test?: TestView | null;
  /**
   * What came of it; null before the end, or where nothing was scored. Absent from what older
   * versions saved in notebooks.
   */
  readonly result?: ResultView | null;
  /**
   * Null before two configurations were scored on the whole valset; absent from a delta where it
   * has not changed. Absent from what older versions saved in notebooks.
   */
  readonly objectives?: ObjectivesView | null;
  /** Null where nobody has rated a reply. Absent from what older versions saved in notebooks. */
  readonly ratings?: RatingsView | null;
  /** Examples that failed. */
  readonly errors: number;
  readonly steerable: boolean;
  readonly lives: Lives;
}

/** All of a run, for a view that begins. */
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
  /** The rows of the testset, likewise; absent where none is scored, or a kernel is asked. */
  readonly tested?: TestsetDetail;
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

/** A line of the history. */
export interface HistoryRow {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  /** Absent from what older versions saved in notebooks. */
  readonly note?: string;
  readonly program: string;
  readonly state: RunState;
  readonly created: number;
  /** How long it worked, pauses left out. */
  readonly seconds: number;
  readonly baseline: number | null;
  /** That of the returned program, or the best so far. */
  readonly score: number | null;
  /**
   * What the score rests on; null where that is the whole valset. Absent from what older versions
   * saved in notebooks.
   */
  readonly rests?: string | null;
  /** Evaluations that have ended. */
  readonly trials: number;
  /** LM calls that a server answered. */
  readonly calls: number;
  /**
   * Price of all calls, those among them that failed and were billed all the same; null where that
   * of any call is unknown.
   */
  readonly usd: number | null;
  /**
   * A server did not count the tokens: the USD are about right. Absent from what older versions
   * saved in notebooks.
   */
  readonly about?: boolean;
  /**
   * What calls may have cost besides that were in flight when the run was interrupted: as far as
   * that is known, at their worst. Absent from what older versions saved in notebooks.
   */
  readonly lost_usd?: number;
  /**
   * What to say of that beneath the cost; null if there is nothing to say. Absent from what older
   * versions saved in notebooks.
   */
  readonly billed?: string | null;
  readonly models: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, unknown>>;
  /**
   * Trainset and valset: how many rows, and a fingerprint of them. Absent from what older versions
   * saved in notebooks.
   */
  readonly rows?: Readonly<Record<string, string>>;
  /**
   * What the user calls it, and a fingerprint of its code; "" where that is not known. Absent from
   * what older versions saved in notebooks.
   */
  readonly metric?: string;
  /**
   * Lines of code that resume it: of a cell, and of Python; none where its cell has to be run
   * again. Absent from what older versions saved in notebooks.
   */
  readonly resume_lines?: readonly string[];
  /**
   * How it is resumed where no line does it; null where one does. Absent from what older versions
   * saved in notebooks.
   */
  readonly resume_hint?: string | null;
  /** The run is going on in this kernel. */
  readonly here: boolean;
}

/** A run that goes on, as a list shows it: told every second, so it is short. */
export interface LiveRunRow {
  readonly id: string;
  readonly name: string;
  readonly program: string;
  readonly state: RunState;
  /** The last phase that has begun and is not over. */
  readonly phase: Phase | null;
  /** Examples scored, and to be scored at most, in baseline, search and test. */
  readonly done: number;
  readonly total: number | null;
  /** Seconds to go; null where it is not known. */
  readonly eta: number | null;
  /** The best so far. */
  readonly score: number | null;
  /** Price of all calls; null where that of any is unknown. */
  readonly usd: number | null;
  /** A server did not count the tokens: the USD are about right. */
  readonly about: boolean;
}

/** The best score after a full evaluation, and what had been spent until then. */
export interface CurvePoint {
  readonly calls: number;
  readonly usd: number | null;
  readonly seconds: number;
  readonly score: number;
}

/** A run in a comparison. */
export interface ComparedRun {
  readonly row: HistoryRow;
  /** Best full score so far against what had been spent, at each full evaluation. */
  readonly curve: readonly CurvePoint[];
  /** Predictor → instruction of the returned program. */
  readonly instructions: Readonly<Record<string, Clip>>;
}

/** Runs side by side. */
export interface RunComparison {
  readonly runs: readonly ComparedRun[];
  /**
   * Why their scores cannot be compared, or in what the runs differ that brought these about; null
   * where they have rows and metric in common. Absent from what older versions saved in notebooks.
   */
  readonly note?: string | null;
}

/** A setting of a plan. */
export interface SettingView {
  readonly name: string;
  /** What it is, in words. */
  readonly label: string;
  readonly value: unknown;
  /** Null also where it has none. */
  readonly default: unknown;
  /** Somebody chose another value than the default. */
  readonly differs: boolean;
  /** Whether it can be changed before the run begins, and whether it was. */
  readonly changeable: boolean;
  readonly changed: boolean;
  /**
   * Its value in the code, where it was changed. Absent from what older versions saved in
   * notebooks.
   */
  readonly changed_from?: unknown;
}

/** Settings that belong together. */
export interface SettingGroup {
  readonly title: string;
  readonly settings: readonly SettingView[];
}

/** What a run has still to take, where answers of its calls are in the record already. */
export interface LeftToPay {
  readonly calls: Range;
  /** Null where a price is not known. */
  readonly usd: Range | null;
  /** What is answered already, in a sentence. */
  readonly told: string;
}

/** A question for permission, and what became of it. */
export interface PermissionRequest {
  readonly state: "asked" | "permitted" | "joined" | "declined";
  /**
   * The run that goes on; null for a new one. Absent from what older versions saved in notebooks.
   */
  readonly resumes?: string | null;
  /**
   * Whether it is finished, and goes on only to be tested. Absent from what older versions saved
   * in notebooks.
   */
  readonly tests?: boolean;
  /**
   * The run of the same plan that is already running; null if none does. Absent from what older
   * versions saved in notebooks.
   */
  readonly joins?: string | null;
  readonly program: string;
  readonly predictors: Readonly<Record<string, string>>;
  readonly models: Readonly<Record<string, string>>;
  readonly trainset_size: number;
  readonly valset_size: number;
  /** Absent from what older versions saved in notebooks. */
  readonly testset_size?: number;
  /**
   * Training rows that headroom is measured on; 0 for a run that optimizes. Absent from what older
   * versions saved in notebooks.
   */
  readonly measured_rows?: number;
  readonly settings: Readonly<Record<string, unknown>>;
  /**
   * `"offered"`: headroom can be measured before this run is answered for. `"first"`: this is that
   * measurement, and the question whether to run comes again after it. Absent from what older
   * versions saved in notebooks.
   */
  readonly measurement?: "offered" | "first" | null;
  /** The settings in groups. Absent from what older versions saved in notebooks. */
  readonly groups?: readonly SettingGroup[];
  /**
   * Settings that were changed since the code gave them. Absent from what older versions saved in
   * notebooks.
   */
  readonly changes?: Readonly<Record<string, unknown>>;
  /** What to know before a yes; below its first line, a note may hold code. */
  readonly notes: readonly string[];
  readonly estimate: EstimateView;
  /**
   * What there is left to pay; null where nothing is answered yet. Absent from what older versions
   * saved in notebooks.
   */
  readonly left?: LeftToPay | null;
  /**
   * How long the run will take; null where nothing is known that would tell. Absent from what
   * older versions saved in notebooks.
   */
  readonly seconds?: Range | null;
  /**
   * What that rests on, or why it is not known. Absent from what older versions saved in
   * notebooks.
   */
  readonly seconds_told?: string | null;
  readonly caps: CapsView;
}

/** What a view shows, null for what it does not: a widget's traits, saved in the notebook. */
export interface Shown {
  readonly permission: PermissionRequest | null;
  readonly snapshot: RunSnapshot | null;
  readonly history: readonly HistoryRow[] | null;
  readonly comparison: RunComparison | null;
  /** What the history is searched for at first. */
  readonly search?: string;
}

/** What a widget opens with. */
export type Kind = "run" | "history" | "comparison";

/** The widget's traits, synced with the kernel and saved in the notebook. */
export interface WidgetState extends Shown {
  readonly kind: Kind;
}

/** A view as it is kept in an output. */
export interface RunBundle extends WidgetState {
  readonly schema: 1;
  /** The run shown; null where there is none (yet). */
  readonly run: string | null;
}

/** What was asked for. */
export interface WidgetAnswer {
  readonly kind: "answer";
  readonly id: number;
  readonly value: unknown;
}

/** Why there is no answer, in a sentence for the person. */
export interface WidgetRefusal {
  readonly kind: "refusal";
  readonly id: number;
  readonly error: string;
}

/** What changed in a run. */
export interface DeltaMessage {
  readonly kind: "delta";
  readonly run: string;
  readonly delta: RunDelta;
}

/** What changed among the runs of a record, for who lists them. */
export interface RunsMessage {
  readonly kind: "runs";
  /** Runs that are new or have changed. */
  readonly rows: readonly HistoryRow[];
  /**
   * `rows` are all runs there are; as they are in the first message, and where the record was
   * replaced.
   */
  readonly whole: boolean;
  /** Ids of runs that were deleted. */
  readonly gone: readonly string[];
  /** All runs that go on, as they stand. */
  readonly live: readonly LiveRunRow[];
  /** Why the record cannot be read, and the remedy; null if it can. */
  readonly error: string | null;
}

/** The view as a page without scripts and as text: what GitHub and converters show. */
export interface Page {
  readonly "text/html": string;
  readonly "text/plain": string;
}

/** The view as a page, for a host that keeps it in the notebook. */
export interface PageMessage {
  readonly kind: "page";
  readonly page: Page;
}

/** The index of a new candidate. */
export interface Added {
  readonly index: number;
}

/** What can be asked, and what the answer to it holds. */
export interface Asks {
  /** Return a predictor's prompt, as a trial had it, for use without mipro_nb. */
  prompt: {
    ask: { run: string; trial: number; form: string; predictor: string };
    answer: string;
  };
  /** Write a trial's program to a new file of the kernel's folder, and tell where it is. */
  save: {
    ask: { run: string; trial: number; name: string };
    answer: string;
  };
  /** Have a variable of the notebook hold a trial's program, and say so. */
  use: {
    ask: { run: string; trial: number; name: string };
    answer: string;
  };
  /** Return a page of a run for people without mipro_nb. */
  share: {
    ask: { run: string };
    answer: string;
  };
  /** Have only pinned candidates of a part be tried, while any is pinned. */
  pin: {
    ask: { run: string; predictor: string; part: Part; index: number; on: boolean };
    answer: null;
  };
  /** Have a candidate no longer be tried. */
  ban: {
    ask: { run: string; predictor: string; part: Part; index: number; on: boolean };
    answer: null;
  };
  /** Let a new instruction be tried that waits for a decision; null: all of them. */
  approve: {
    ask: { run: string; predictor: string | null; index: number | null };
    answer: null;
  };
  /** Add an instruction by hand; if it `replaces` `based_on`, in the place of that one. */
  add: {
    ask: { run: string; predictor: string; instruction: string; based_on: number | null; replaces: boolean };
    answer: Added;
  };
  /**
   * Take note that the widget is drawn, and that clicks reach the kernel.
   *
   * `keeps` tells whether the host writes the newest snapshot into the notebook (an element around
   * the widget has the class `mipro-keeps`).
   */
  hello: {
    ask: { keeps: boolean };
    answer: null;
  };
  /** Give these settings other values, all others those of the code. */
  change: {
    ask: { settings: Readonly<Record<string, unknown>> };
    answer: null;
  };
  /**
   * Begin the run; `below_usd`: ask no more in this notebook below so many dollars.
   *
   * `settings` are the changed ones that the person saw the estimate of.
   */
  permit: {
    ask: { caps: CapsView; below_usd: number | null; settings: Readonly<Record<string, unknown>> | null };
    answer: null;
  };
  /** Take the run that is already running instead of starting another. */
  join: {
    ask: Record<string, never>;
    answer: null;
  };
  /** Take no for an answer: nothing is called. */
  decline: {
    ask: Record<string, never>;
    answer: null;
  };
  /** Ask whether to measure headroom first; the question of the run comes again afterwards. */
  measure: {
    ask: Record<string, never>;
    answer: null;
  };
  /** Return a fresh snapshot; deltas of this run are sent from then on. */
  snapshot: {
    ask: { run: string };
    answer: RunSnapshot;
  };
  /** Return a trial with its prompts and examples. */
  trial: {
    ask: { run: string; trial: number };
    answer: TrialDetail;
  };
  /** Return the LM calls that an example took. */
  calls: {
    ask: { run: string; trial: number; example: number };
    answer: readonly CallDetail[];
  };
  /** Return the rows of the testset and what became of them; null where none is scored. */
  tested: {
    ask: { run: string };
    answer: TestsetDetail | null;
  };
  /** Return the LM calls that a row of the testset took, with student and result. */
  tested_calls: {
    ask: { run: string; example: number };
    answer: readonly CallDetail[];
  };
  /** Return all demos of a demo set. */
  demos: {
    ask: { run: string; predictor: string; index: number };
    answer: readonly Readonly<Record<string, Clip>>[];
  };
  /** Return the whole of a text that was cut; `more` is the Clip's. */
  text: {
    ask: { run: string; more: string };
    answer: string;
  };
  /** Return all recorded runs. */
  history: {
    ask: Record<string, never>;
    answer: readonly HistoryRow[];
  };
  /** Give a run another name. */
  rename: {
    ask: { run: string; name: string };
    answer: HistoryRow;
  };
  /** Give a run other tags. */
  tag: {
    ask: { run: string; tags: readonly string[] };
    answer: HistoryRow;
  };
  /** Give a run another note; an empty one takes it away. */
  note: {
    ask: { run: string; note: string };
    answer: HistoryRow;
  };
  /** Take what a person thinks of a reply; null withdraws it. */
  rate: {
    ask: { run: string; trial: number; example: number; rating: "good" | "bad" | null; reason: string };
    answer: null;
  };
  /** Delete runs from the record. */
  delete: {
    ask: { runs: readonly string[] };
    answer: null;
  };
  /** Return runs side by side. */
  compare: {
    ask: { runs: readonly string[] };
    answer: RunComparison;
  };
  /** Have no further call sent. */
  pause: {
    ask: { run: string };
    answer: null;
  };
  /** Have a paused run go on. */
  resume: {
    ask: { run: string };
    answer: null;
  };
  /** End a run early. */
  stop: {
    ask: { run: string };
    answer: null;
  };
  /** Return the path of the record file, for a person to see. */
  record_place: {
    ask: Record<string, never>;
    answer: string;
  };
  /** Return a notebook with a small task that can be run as it is, under these caps. */
  template: {
    ask: { max_usd: number | null; max_calls: number | null };
    answer: Readonly<Record<string, unknown>>;
  };
}
