/** Made-up runs that look like real ones, the same for the same seed. */

import type {
  CallDetail,
  Clip,
  DemoSetCard,
  EstimateView,
  HistoryRow,
  InstructionCard,
  PermissionRequest,
  PhaseEstimateView,
  PhaseProgress,
  RunSnapshot,
  RunState,
  RunSummary,
  SettingGroup,
  SpendView,
  TrialDetail,
  TrialRow,
} from "../shared/src/generated/view-model";
import { choices, variableOf } from "../shared/src/model/words";
import { callDetail, clip } from "../shared/tests/drill-fixtures";
import { noSpend } from "../shared/tests/runs";
import { resultOf } from "./result";

export interface RunOptions {
  readonly id: string;
  readonly state: RunState;
  /** Trials that are done. */
  readonly trials: number;
  /** Trials in all. */
  readonly planned: number;
  readonly predictors: number;
  readonly priced: boolean;
  readonly capUsd: number | null;
  readonly hostile: boolean;
  /** New instructions wait for a decision. */
  readonly waits?: boolean;
  /** The instruction found is as long as one can be. */
  readonly long?: boolean;
}

export const usual: RunOptions = {
  id: "20261124-1405-k7m2",
  state: "running",
  trials: 24,
  planned: 44,
  predictors: 1,
  priced: true,
  capUsd: 0.4,
  hostile: false,
};

export const started = 1_795_500_300;
const candidates = 8;
const valset = 100;
const minibatch = 25;

/** mulberry32: small, and good enough to look like chance. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const hostileTexts = [
  "<img src=x onerror=alert(1)><script>document.body.innerHTML = 'broken'</script>",
  "\u001b[31mred\u001b[0m and \u202egnirts desrever\u202c with \u200bnothing\u200b between",
  `[click me](javascript:alert(1)) ${"long".repeat(300)}`,
];

const predictorNames = ["answer", "search_query", "verify"];
const signatures = [
  "question, passages: list[str] -> reasoning, answer",
  "question -> query",
  "question, answer, passages: list[str] -> supported: bool",
];

export function predictorsOf({ predictors, hostile }: RunOptions): Record<string, string> {
  const entries = predictorNames
    .slice(0, predictors)
    .map((name, place) => [name, signatures[place] ?? ""] as const);
  return Object.fromEntries(hostile ? [...entries, ["<b>x</b>", hostileTexts[0] ?? ""]] : entries);
}

const instructions = [
  "Given the fields `question` and `passages`, produce the field `answer`.",
  "Read the passages one by one and note which of them bear on the question. Reason from these only, step by step, and give the shortest answer that is fully supported: a name, a number or a short phrase, never a sentence.",
  "You are a careful reference librarian. Somebody depends on your answer and will check it against the passages. Quote the decisive words in your reasoning. If two passages disagree, prefer the more specific one. Answer with the bare fact.",
  "Answer the question using the passages. Be concise.",
  "First restate the question in your own words and say what kind of thing would answer it (a person, a date, a place, a number). Then scan the passages for candidates of that kind, compare them, and choose. Write dates as the passage writes them and numbers as digits.",
  "Solve the question by connecting facts of at least two passages: find the bridge that the question does not name, write it down, then go on from it to the answer. Keep the answer to five words or fewer.",
  "In a high-stakes fact check, a wrong answer costs a correction on the front page. Consider every passage, discard the ones that merely share words with the question, and answer exactly.",
  "Think like a detective: what is asked, what is known, what follows. Then answer in a few words.",
];
const tips = [
  null,
  "none",
  "persona",
  "simple",
  "description",
  "creative",
  "high stakes",
  "persona",
];

function everyCandidate<Card>(
  options: RunOptions,
  card: (predictor: string, index: number) => Card,
): Card[] {
  return Object.keys(predictorsOf(options)).flatMap((predictor) =>
    Array.from({ length: candidates }, (_, index) => card(predictor, index)),
  );
}

export function instructionCard(
  options: RunOptions,
  trials: readonly TrialRow[],
  predictor: string,
  index: number,
): InstructionCard {
  const variable = variableOf(predictor, "instruction");
  const text = options.hostile && index > 0 ? hostileTexts[index % 3] : instructions[index];
  return {
    predictor,
    index,
    ...standingOf(trials.filter((row) => row.configuration[variable] === index)),
    pinned: false,
    banned: index === 3,
    undecided: options.waits === true && index > 0 && index !== 3,
    instruction: clip(text ?? "", 400),
    source: index === 0 ? "student" : "proposed",
    tip: tips[index] ?? null,
    demo_set: index === 0 ? null : (index * 3) % candidates,
    based_on: null,
  };
}

export function demoSetCard(
  options: RunOptions,
  trials: readonly TrialRow[],
  predictor: string,
  index: number,
): DemoSetCard {
  const variable = variableOf(predictor, "demos");
  const bootstrapped = index < 2 ? 0 : 1 + (index % 4);
  const labelled = index === 0 ? 0 : index === 1 ? 16 : 16 - bootstrapped;
  return {
    predictor,
    index,
    ...standingOf(trials.filter((row) => row.configuration[variable] === index)),
    pinned: index === 5,
    banned: false,
    source: index === 0 ? "empty" : index === 1 ? "labelled" : "bootstrapped",
    bootstrapped,
    labelled,
    demos: bootstrapped + labelled,
    preview: demos(options, Math.min(3, bootstrapped + labelled)),
  };
}

export function demos(options: RunOptions, count: number): Readonly<Record<string, Clip>>[] {
  return Array.from({ length: count }, (_, place) => ({
    question: clip(questions[place % questions.length] ?? ""),
    reasoning: clip(
      options.hostile
        ? (hostileTexts[place % 3] ?? "")
        : "The second passage names the river, the first the city on it; the bridge is the river.",
    ),
    answer: clip(answers[place % answers.length] ?? ""),
  }));
}

function standingOf(rows: readonly TrialRow[]) {
  const scored = rows.filter((row) => row.score !== null);
  const examples = scored.reduce((sum, row) => sum + row.scored, 0);
  const points = scored.reduce((sum, row) => sum + (row.score ?? 0) * row.scored, 0);
  return { score: examples === 0 ? null : points / examples, trials: rows.length, examples };
}

const questions = [
  "Which river flows through the city where the author of The Trial was born?",
  "In what year was the university attended by the inventor of the seismograph founded?",
  "How many moons has the planet after which the Roman god of war is named?",
  "What is the occupation of the director of the film whose score Nino Rota wrote in 1972?",
];
const answers = ["Vltava", "1810", "2", "film director"];

/** The score that a configuration would get on all examples: better instructions, more demos. */
function worth(configuration: Readonly<Record<string, number>>): number {
  const values = choices(configuration).flatMap(({ instruction, demos }) => [
    [0, 9, 12, 2, 10, 14, 6, 5][(instruction ?? 0) % 8],
    [0, 7, 9, 12, 10, 15, 11, 8][(demos ?? 0) % 8],
  ]);
  const mean =
    values.reduce<number>((sum, value) => sum + (value ?? 0), 0) / Math.max(1, values.length);
  return 62 + mean * 1.75;
}

/** The trial of a number, done. */
export function trialRow(options: RunOptions, trial: number): TrialRow {
  const random = chance(trial * 7_919 + 5);
  const kind = trial === 0 ? "baseline" : trial % 11 === 10 ? "full" : "minibatch";
  const examples = kind === "minibatch" ? minibatch : valset;
  const configuration: Record<string, number> = {};
  const predictors = Object.keys(predictorsOf(options));
  // The student is as it was given: its trial chose nothing.
  for (const predictor of trial === 0 ? [] : predictors) {
    // The search turns to what has done well.
    const keen = Math.min(0.75, trial / 60);
    const pick = (good: number) => (random() < keen ? good : Math.floor(random() * candidates));
    configuration[variableOf(predictor, "instruction")] = pick(trial % 3 === 0 ? 2 : 5);
    configuration[variableOf(predictor, "demos")] = pick(trial % 4 === 0 ? 3 : 5);
  }
  const expected = worth(configuration);
  const noise = (random() + random() + random() - 1.5) * 24 * Math.sqrt(25 / examples);
  const right = Math.round((Math.min(100, Math.max(0, expected + noise)) / 100) * examples);
  const score = (right / examples) * 100;
  const half = 196 * Math.sqrt(((score / 100) * (1 - score / 100) + 0.01) / examples);
  const reused = kind === "full" ? Math.floor(random() * 60) : Math.floor(random() * 4);
  const calls = (examples - reused) * 2 * predictors.length;
  return {
    trial,
    kind,
    configuration,
    state: trial === 17 ? "given up" : "done",
    examples,
    scored: trial === 17 ? 9 : examples,
    reused,
    errors: random() < 0.1 ? 1 : 0,
    score: trial === 17 ? null : score,
    low: trial === 17 ? null : Math.max(0, score - half),
    high: trial === 17 ? null : Math.min(100, score + half),
    calls,
    cached_calls: reused,
    input_tokens: calls * 820,
    output_tokens: calls * 74,
    usd: options.priced ? calls * 0.000021 : null,
    asked_at: started + 40 + trial * 4,
    seconds: 6 + random() * 9,
  };
}

/** A trial that goes on. */
export function runningRow(options: RunOptions, trial: number, share: number): TrialRow {
  const row = trialRow(options, trial);
  const scored = Math.floor(row.examples * share);
  return { ...row, state: "running", scored, score: null, low: null, high: null, seconds: null };
}

export function estimate(priced: boolean): EstimateView {
  const phase = (
    name: PhaseEstimateView["phase"],
    [low, expected, high]: readonly [number, number, number],
    tokens: number,
  ): PhaseEstimateView => ({
    phase: name,
    calls: { low, expected, high },
    input_tokens: { low: low * tokens, expected: expected * tokens, high: high * tokens },
    output_tokens: { low: low * 30, expected: expected * 70, high: high * 200 },
    usd: priced ? { low: low * 0.00005, expected: expected * 0.00021, high: high * 0.00054 } : null,
  });
  const phases = [
    phase("baseline", [100, 105, 200], 94),
    phase("bootstrap", [4, 15, 50], 1_633),
    phase("propose", [10, 13, 27], 629),
    phase("search", [148, 341, 650], 1_397),
  ];
  const hedging =
    "Up to 3 % of these calls are slow ones that are sent a second time (hedge='tail'); with " +
    "hedge=False none are.";
  return { phases, total: phase("search", [262, 474, 927], 1_090), hedging };
}

function freeEstimate(): EstimateView {
  const usd = { low: 0, expected: 0, high: 0 };
  const { phases, total } = estimate(true);
  return { phases: phases.map((phase) => ({ ...phase, usd })), total: { ...total, usd } };
}

export function summaryOf(options: RunOptions, trials: readonly TrialRow[]): RunSummary {
  const done = trials.filter((row) => row.state === "done");
  const share = Math.min(1, done.length / options.planned);
  const full = done.filter((row) => row.kind !== "minibatch");
  const top = full.reduce<TrialRow | null>(
    (best, row) => (best === null || (row.score ?? 0) > (best.score ?? 0) ? row : best),
    null,
  );
  const spend = (calls: number): SpendView => ({
    calls,
    cached_calls: Math.floor(calls / 9),
    failed_calls: 0,
    input_tokens: calls * 1_090,
    output_tokens: calls * 68,
    usd: options.priced ? calls * 0.00021 : null,
  });
  const searchCalls = Math.round(360 * share);
  const going = options.state === "running" || options.state === "paused";
  const phase = (
    name: PhaseProgress["phase"],
    state: PhaseProgress["state"],
    count: number,
    total: number | null,
    unit: string,
    calls: number,
  ): PhaseProgress => ({ phase: name, state, done: count, total, unit, spend: spend(calls) });
  const seconds = 38 + done.length * 4.4;
  return {
    id: options.id,
    name: options.hostile ? (hostileTexts[1] ?? "") : "HotPotQA, two hops",
    tags: ["paper", "v2"],
    state: options.state,
    reason: options.waits
      ? "New instructions wait for your decision. Approve, reject or edit each of them in the view, or by run.approve, run.ban and run.add_instruction; after the last one the run goes on by itself."
      : reasonOf(options.state),
    approval: options.waits
      ? "6 new instructions wait for your decision: approve, reject or edit each of them. None is tried before that."
      : null,
    program: options.hostile ? "<i>Hop</i>" : "MultiHop",
    predictors: predictorsOf(options),
    models: { task_model: "openai/gpt-4o-mini", prompt_model: "openai/gpt-4o" },
    settings,
    notes: [
      "num_trials=40 is below the recommended minimum of 48 for 2 variables and 8 candidates.",
    ],
    trainset_size: 25,
    valset_size: valset,
    created: started,
    ended: going ? null : started + seconds,
    seconds,
    as_of: started + seconds,
    phases: [
      phase("baseline", "done", 100, 100, "examples", 102),
      phase("bootstrap", "done", 15, 15, "attempts", 14),
      phase("propose", "done", 8, 8, "instructions", 12),
      phase(
        "search",
        options.state === "finished" ? "done" : "running",
        done.length,
        options.planned,
        "trials",
        searchCalls,
      ),
      { ...phase("other", "done", 0, null, "calls", 0), spend: noSpend },
    ],
    done: 100 + done.length * 30,
    total: 100 + options.planned * 32,
    eta: going ? Math.max(0, (options.planned - done.length) * 4.4) : null,
    in_flight: going ? (options.state === "paused" ? 0 : 6) : null,
    num_threads: 6,
    spend: spend(128 + searchCalls),
    estimate: estimate(options.priced),
    caps: { max_usd: options.capUsd, max_calls: null, max_tokens: null, max_seconds: null },
    baseline: done[0]?.score ?? null,
    best:
      top === null || top.score === null
        ? null
        : { trial: top.trial, score: top.score, configuration: top.configuration },
    gain: options.state === "finished" ? { low: 8.1, high: 27.4 } : null,
    result:
      going || options.state === "cut off" || top === null || top.score === null
        ? null
        : resultOf({
            trial: top.trial,
            baseline: done[0]?.score ?? 0,
            score: top.score,
            predictors: Object.keys(predictorsOf(options)),
            texts: {
              before: options.hostile ? hostileTexts.join("\n") : (instructions[0] ?? ""),
              after: foundText(options),
              question: options.hostile ? (hostileTexts[1] ?? "") : (questions[0] ?? ""),
            },
          }),
    testset_size: 200,
    objectives: objectives(done, top?.trial ?? 0),
    ratings: {
      good: 14,
      bad: 6,
      told: [
        "20 ratings of replies: 14 good, 6 bad.",
        "The metric agrees with 17 of 20 ratings (85.0 %); scores of 1 and more count as good.",
        "Cohen's kappa is 0.66: 1 is full agreement, 0 what chance brings.",
      ],
    },
    errors: 2,
    steerable: going,
    lives: going ? "here" : "ended",
  };
}

function foundText({ hostile, long = false }: RunOptions): string {
  if (long) {
    return instructions.join("\n\n").repeat(6);
  }
  return hostile ? hostileTexts.join(" ") : (instructions[4] ?? "");
}

function objectives(
  done: readonly TrialRow[],
  best: number,
): NonNullable<RunSummary["objectives"]> {
  const rows = done
    .filter((row) => row.kind !== "minibatch")
    .map((row, nth) => ({
      trial: row.trial,
      score: row.score ?? 0,
      usd: 0.00004 * (1 + ((nth * 7) % 5)),
      tokens: 250 * (1 + ((nth * 7) % 5)),
      seconds: 0.8 + 0.1 * nth,
      characters: 90 + 60 * nth,
      best: row.trial === best,
    }));
  const beaten = (row: (typeof rows)[number]) =>
    rows.some(
      (other) =>
        other.usd <= row.usd &&
        other.score >= row.score &&
        (other.usd < row.usd || other.score > row.score),
    );
  return {
    cost: "usd",
    told: `${rows.length} configurations were scored on the whole valset; ${rows.filter((row) => !beaten(row)).length} of them are on the Pareto front, where no other is better in both score and USD per example.`,
    rows: rows.map((row) => ({ ...row, on_front: !beaten(row) })),
  };
}

const settings = {
  auto: null,
  num_candidates: 8,
  num_trials: 40,
  minibatch: true,
  minibatch_size: 25,
  minibatch_full_eval_steps: 10,
  max_bootstrapped_demos: 4,
  max_labeled_demos: 16,
  init_temperature: 1,
  metric_threshold: null,
  num_threads: 6,
  seed: 9,
};

function reasonOf(state: RunState): string | null {
  switch (state) {
    case "failed":
      return "The server refused the key of openai/gpt-4o-mini; set OPENAI_API_KEY and run again.";
    case "capped":
      return "The run reached its cap of $0.40; the best program so far is kept.";
    case "stopped":
      return "The run was stopped by hand; the best program so far is kept.";
    default:
      return null;
  }
}

export function snapshotOf(options: RunOptions): RunSnapshot {
  const done = Array.from({ length: options.trials }, (_, trial) => trialRow(options, trial));
  const trials =
    options.state === "running"
      ? [
          ...done,
          runningRow(options, options.trials, 0.72),
          runningRow(options, options.trials + 1, 0.3),
        ]
      : done;
  const summary = summaryOf(options, trials);
  const best = trials.find((row) => row.trial === summary.best?.trial);
  return {
    schema: 1,
    seq: options.trials * 10,
    summary,
    trials,
    instructions: everyCandidate(options, (predictor, index) =>
      instructionCard(options, done, predictor, index),
    ),
    demo_sets: everyCandidate(options, (predictor, index) =>
      demoSetCard(options, done, predictor, index),
    ),
    details: [done[0], best].filter((row) => row !== undefined).map((row) => detail(options, row)),
  };
}

export function detail(options: RunOptions, row: TrialRow): TrialDetail {
  const random = chance(row.trial + 99);
  const predictors = Object.keys(predictorsOf(options));
  return {
    trial: row,
    prompts: predictors.map((predictor) => {
      const chosen = row.configuration[variableOf(predictor, "instruction")] ?? 0;
      return {
        predictor,
        example: 3,
        messages: [
          {
            role: "system",
            content: clip(
              options.hostile
                ? hostileTexts.join("\n")
                : `${instructions[chosen]}\n\nAnswer in this form:\nreasoning: {reasoning}\nanswer: {answer}`,
            ),
          },
          { role: "user", content: clip(`question: ${questions[0]}\npassages: [1] Prague lies …`) },
        ],
      };
    }),
    examples: Array.from({ length: row.scored }, (_, place) => {
      const right = random() < (row.score ?? 60) / 100;
      const failed = !right && random() < 0.1;
      return {
        example: place * 3 + 1,
        inputs: {
          question: clip(questions[place % 4] ?? ""),
          passages: clip("[1] Prague lies on the Vltava. [2] Franz Kafka was born in Prague …"),
        },
        expected: { answer: clip(answers[place % 4] ?? "") },
        prediction: failed
          ? null
          : {
              reasoning: clip(
                options.hostile ? (hostileTexts[place % 3] ?? "") : "Kafka was born in Prague …",
              ),
              answer: clip(right ? (answers[place % 4] ?? "") : "Elbe"),
            },
        score: failed ? 0 : right ? 1 : 0,
        feedback: right ? null : clip("The answer names the river of another city."),
        error: failed ? clip("The reply could not be read: no field `answer` in it.") : null,
        seconds: 0.4 + random() * 2,
        scored_by: place % 7 === 0 && row.trial > 0 ? 0 : row.trial,
        ...(failed || place % 4 === 3 || place > 9
          ? {}
          : {
              rating: {
                rating: right ? ("good" as const) : ("bad" as const),
                reason: clip(right ? "" : "It names another river."),
              },
            }),
      };
    }),
  };
}

export function calls(): readonly CallDetail[] {
  return [
    callDetail({
      messages: [
        { role: "system", content: clip(instructions[2] ?? "") },
        { role: "user", content: clip(`question: ${questions[0]}`) },
      ],
      reply: clip("reasoning: Kafka was born in Prague, on the Vltava.\nanswer: Vltava"),
      at: started + 90,
    }),
  ];
}

const changeable = new Set([
  "num_trials",
  "minibatch",
  "minibatch_size",
  "max_bootstrapped_demos",
  "max_labeled_demos",
  "num_threads",
  "patience",
]);

function settingGroups(): SettingGroup[] {
  const row = (name: string, label: string, value: unknown, common: unknown = value) => ({
    name,
    label,
    value,
    default: common,
    differs: value !== common,
    changeable: changeable.has(name),
    changed: false,
  });
  return [
    {
      title: "Search",
      settings: [
        row("auto", "preset", null),
        row("search", "strategy", "paired"),
        row("num_trials", "trials", 40, 30),
        row("num_threads", "programs at once", 6),
        row("trials_in_flight", "trials at once", 2),
        row("patience", "max. trials without a new leader", null),
        row("hedge", "slow calls sent twice", "tail"),
        row("max_errors", "max. failed examples", 10),
        row("example_timeout", "seconds for an example", null),
        row("seed", "seed", 9),
      ],
    },
    {
      title: "Candidates",
      settings: [
        row("num_candidates", "candidates of each kind", 8, 10),
        row("max_bootstrapped_demos", "bootstrapped demos", 4),
        row("max_labeled_demos", "labelled demos", 16),
        row("demos_per_set", "max. demos in a set", 16),
        row("metric_threshold", "score that a demo needs", null),
        row("prompt_format", "prompt format", "lines (default)"),
      ],
    },
    {
      title: "Data",
      settings: [
        row("trainset_size", "training rows", 25),
        row("valset_size", "validation rows", valset),
        row("minibatch", "use minibatches", true),
        row("minibatch_size", "rows in a minibatch", minibatch),
        row("minibatch_full_eval_steps", "trials between full evaluations", 10),
        row("full_evaluations", "max. full evaluations", 6),
      ],
    },
    {
      title: "Proposer",
      settings: [
        row("program_aware_proposer", "reads the program", true),
        row("data_aware_proposer", "reads the data", true),
        row("fewshot_aware_proposer", "reads demos", true),
        row("tip_aware_proposer", "gets a tip", true),
        row("view_data_batch_size", "rows read at a time", 10),
        row("init_temperature", "temperature", 1),
      ],
    },
  ];
}

export function permission(priced: boolean, hostile: boolean, free = false): PermissionRequest {
  const options = { ...usual, predictors: 2, priced, hostile };
  return {
    state: "asked",
    program: hostile ? (hostileTexts[0] ?? "") : "MultiHop",
    predictors: predictorsOf(options),
    models: { task_model: "openai/gpt-4o-mini", prompt_model: "openai/gpt-4o" },
    trainset_size: 25,
    valset_size: valset,
    settings,
    measurement: "offered",
    groups: settingGroups(),
    changes: {},
    notes: priced
      ? ["num_trials=40 is below the recommended minimum of 48 for 2 variables and 8 candidates."]
      : ["The price of openai/gpt-4o is not known; LM(…, price=(0.15, 0.60)) sets one."],
    estimate: free ? freeEstimate() : estimate(priced),
    caps: { max_usd: priced ? 0.5 : null, max_calls: null, max_tokens: null, max_seconds: null },
  };
}

/** A run is resumed of which the larger part is answered. */
export function resumedPermission(): PermissionRequest {
  return {
    ...permission(true, false),
    resumes: usual.id,
    left: {
      calls: { low: 12, expected: 30, high: 64 },
      usd: { low: 0.011, expected: 0.03, high: 0.07 },
      told: "444 calls are answered already, for $0.0695.",
    },
    seconds: { low: 20, expected: 45, high: 110 },
    seconds_told: "as long as the calls of this run took so far",
  };
}

/** Settings were changed in the dialog. */
export function changedPermission(): PermissionRequest {
  const changes: Readonly<Record<string, number>> = { num_trials: 20, patience: 5 };
  const asked = permission(true, false);
  return {
    ...asked,
    changes,
    groups: settingGroups().map((group) => ({
      ...group,
      settings: group.settings.map((setting) => {
        const value = changes[setting.name];
        return value === undefined
          ? setting
          : { ...setting, value, differs: true, changed: true, changed_from: setting.value };
      }),
    })),
    notes: ["Changed when permission was asked for: num_trials=20 instead of 40.", ...asked.notes],
  };
}

export function historyRows(count = 26): HistoryRow[] {
  const states: RunState[] = ["running", "finished", "finished", "cut off", "capped", "failed"];
  return Array.from({ length: count }, (_, place) => {
    const random = chance(place + 400);
    const state = states[place] ?? (random() < 0.8 ? "finished" : "stopped");
    const baseline = 48 + random() * 20;
    return {
      id:
        place === 0
          ? usual.id
          : `202611${String(23 - (place % 22)).padStart(2, "0")}-09${10 + place}00-${(0x3f9a1c + place).toString(16)}`,
      name:
        ["HotPotQA, two hops", "spam, small model", "", "GSM8K light", "judge metric"][place % 5] ??
        "",
      tags: place % 4 === 0 ? ["paper"] : place % 7 === 0 ? ["draft", "v2"] : [],
      program: ["MultiHop", "Predict", "ChainOfThought"][place % 3] ?? "",
      state,
      created: started - place * 50_000,
      seconds: 60 + random() * 900,
      baseline: state === "failed" ? null : baseline,
      score: state === "failed" ? null : baseline + random() * 25,
      rests: place === 2 ? "on 25 of 80 examples, 95 % interval 60.9 … 91.1" : null,
      trials: Math.floor(10 + random() * 40),
      calls: Math.floor(200 + random() * 900),
      usd: place % 6 === 5 ? null : random() * 0.6,
      lost_usd: place === 3 ? 0.0152 : 0,
      billed: place === 3 ? "up to $0.0152 more may have been billed" : null,
      models: { task_model: place % 2 ? "openai/gpt-4o-mini" : "local/SmolLM2-135M" },
      settings: { ...settings, seed: place, num_trials: 20 + (place % 3) * 10 },
      here: place === 0,
    };
  });
}
