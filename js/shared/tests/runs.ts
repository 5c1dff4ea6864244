/** Small made-up runs. */

import type {
  EstimateView,
  InstructionCard,
  PermissionRequest,
  PhaseEstimateView,
  PhaseProgress,
  RunDelta,
  RunSnapshot,
  RunSummary,
  SpendView,
  TrialRow,
} from "../src/generated/view-model";

export const RUN = "20261124-1405-k7m2";

/** Seconds since 1970 of 14:05 on the clock of the machine that runs the test. */
export const FIVE_PAST_TWO = new Date(2026, 10, 24, 14, 5).getTime() / 1000;

export const noSpend: SpendView = {
  calls: 0,
  cached_calls: 0,
  failed_calls: 0,
  input_tokens: 0,
  output_tokens: 0,
  usd: 0,
};

function phaseEstimate(phase: PhaseEstimateView["phase"], calls: number): PhaseEstimateView {
  const range = (scale: number) => ({
    low: calls * scale * 0.5,
    expected: calls * scale,
    high: calls * scale * 2,
  });
  return {
    phase,
    calls: range(1),
    input_tokens: range(100),
    output_tokens: range(20),
    usd: range(0.001),
  };
}

export const estimate: EstimateView = {
  phases: [
    phaseEstimate("baseline", 100),
    phaseEstimate("bootstrap", 20),
    phaseEstimate("propose", 10),
    phaseEstimate("search", 300),
  ],
  total: phaseEstimate("search", 430),
};

/** An estimate in which nobody knows the price. */
export const unpriced: EstimateView = {
  phases: estimate.phases.map((phase) => ({ ...phase, usd: null })),
  total: { ...estimate.total, usd: null },
};

const phases: readonly PhaseProgress[] = [
  { phase: "baseline", state: "done", done: 100, total: 100, unit: "examples", spend: noSpend },
  { phase: "bootstrap", state: "done", done: 15, total: 15, unit: "attempts", spend: noSpend },
  { phase: "propose", state: "running", done: 3, total: 8, unit: "instructions", spend: noSpend },
  { phase: "search", state: "waiting", done: 0, total: 10, unit: "trials", spend: noSpend },
];

export function summary(change: Partial<RunSummary> = {}): RunSummary {
  return {
    id: RUN,
    name: "",
    tags: [],
    state: "running",
    reason: null,
    program: "MultiHop",
    predictors: { solve: "question -> answer" },
    models: { task_model: "openai/gpt-4o-mini" },
    settings: { num_candidates: 8, auto: null },
    notes: [],
    trainset_size: 25,
    valset_size: 100,
    created: FIVE_PAST_TWO - 120,
    ended: null,
    seconds: 120,
    as_of: FIVE_PAST_TWO,
    phases,
    done: 250,
    total: 1_000,
    eta: 360,
    in_flight: 4,
    num_threads: 6,
    spend: { ...noSpend, calls: 120, usd: 0.12 },
    estimate,
    caps: { max_usd: 1, max_calls: null, max_tokens: null, max_seconds: null },
    baseline: 60,
    best: { trial: 0, score: 60, configuration: { "solve:instruction": 0, "solve:demos": 0 } },
    gain: null,
    errors: 0,
    steerable: true,
    lives: "here",
    ...change,
  };
}

export function trial(number: number, change: Partial<TrialRow> = {}): TrialRow {
  return {
    trial: number,
    kind: number === 0 ? "baseline" : "minibatch",
    configuration: { "solve:instruction": number % 8, "solve:demos": number % 4 },
    state: "done",
    examples: 25,
    scored: 25,
    reused: 0,
    errors: 0,
    score: 60 + (number % 5),
    low: 50,
    high: 80,
    calls: 25,
    cached_calls: 0,
    input_tokens: 2_500,
    output_tokens: 400,
    usd: 0.002,
    asked_at: FIVE_PAST_TWO,
    seconds: 3,
    ...change,
  };
}

export function instruction(index: number, change: Partial<InstructionCard> = {}): InstructionCard {
  return {
    predictor: "solve",
    index,
    score: null,
    trials: 0,
    examples: 0,
    pinned: false,
    banned: false,
    instruction: { text: `Instruction text ${index}`, characters: 18, more: null },
    source: index === 0 ? "student" : "proposed",
    tip: null,
    demo_set: null,
    based_on: null,
    ...change,
  };
}

export function snapshot(change: Partial<RunSnapshot> = {}): RunSnapshot {
  return {
    schema: 1,
    seq: 100,
    summary: summary(),
    trials: [trial(0), trial(1), trial(2)],
    instructions: [instruction(0), instruction(1)],
    demo_sets: [],
    details: [],
    ...change,
  };
}

export function delta(seq: number, change: Partial<RunDelta> = {}): RunDelta {
  return {
    seq,
    summary: summary({ as_of: FIVE_PAST_TWO + seq }),
    trials: [],
    instructions: [],
    demo_sets: [],
    ...change,
  };
}

export function permission(change: Partial<PermissionRequest> = {}): PermissionRequest {
  return {
    state: "asked",
    program: "MultiHop",
    predictors: { solve: "question -> answer" },
    models: { task_model: "openai/gpt-4o-mini" },
    trainset_size: 25,
    valset_size: 100,
    settings: { num_candidates: 8, num_trials: 10 },
    notes: ["num_trials=10 is below the recommended minimum of 12."],
    estimate,
    caps: { max_usd: 0.5, max_calls: null, max_tokens: null, max_seconds: null },
    ...change,
  };
}
