/** A made-up run, and the far side of a kernel's wire. */

import type {
  Asks,
  CallDetail,
  Clip,
  DemoSetCard,
  ExampleRow,
  HistoryRow,
  InstructionCard,
  RunComparison,
  RunSummary,
  SpendView,
  TrialDetail,
  TrialRow,
} from "../src/generated/view-model";
import { Kernel } from "../src/model/kernel";
import type { Request, What } from "../src/protocol";
import { countCharacters } from "../src/text";
import { FakeWire } from "./wire";

export const RUN = "20261124-1405-k7m2";

/** Texts that must be shown, not obeyed. */
export const hostile = {
  tags: "<b>bold</b><script>window.broken = true</script><img src=x onerror='window.broken = true'>",
  markdown: "[click](javascript:window.broken=true) **bold** `code`",
  ansi: "\x1b[31mred\x1b[0m",
  direction: "price \u202e00.1$ \u202c then",
  invisible: "pass\u200bword \u{e0041}",
  line: "x".repeat(1_000_000),
} as const;

export function clip(text: string, limit = 2000): Clip {
  return text.length <= limit
    ? { text, characters: countCharacters(text), more: null }
    : {
        text: text.slice(0, limit),
        characters: countCharacters(text),
        more: `text:${text.length}:`,
      };
}

type Answers = {
  readonly [W in What]?: (ask: Asks[W]["ask"]) => Asks[W]["answer"] | Promise<Asks[W]["answer"]>;
};

export interface FakeKernel {
  readonly kernel: Kernel;
  /** All that was asked, in order. */
  readonly asked: readonly { readonly what: What; readonly ask: unknown }[];
}

/** A kernel whose far side gives these answers; an Error thrown by one is a refusal. */
export function kernelWith(answers: Answers): FakeKernel {
  const wire = new AnsweringWire(answers);
  return { kernel: new Kernel(wire), asked: wire.questions };
}

class AnsweringWire extends FakeWire {
  readonly questions: { readonly what: What; readonly ask: unknown }[] = [];
  readonly #answers: Answers;

  constructor(answers: Answers) {
    super();
    this.#answers = answers;
  }

  override send(request: Request): void {
    this.questions.push({ what: request.what, ask: request.ask });
    void this.#reply(request);
  }

  async #reply({ id, what, ask }: Request): Promise<void> {
    const answer = this.#answers[what] as ((ask: unknown) => unknown) | undefined;
    try {
      if (answer === undefined) {
        throw new Error(`Nobody answers ${what}.`);
      }
      this.tell({ kind: "answer", id, value: await answer(ask) });
    } catch (reason) {
      this.tell({ kind: "refusal", id, error: (reason as Error).message });
    }
  }
}

/** A promise, and what settles it. */
export function later<T>(): {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: Error): void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const spend: SpendView = {
  calls: 341,
  cached_calls: 28,
  failed_calls: 0,
  input_tokens: 476_681,
  output_tokens: 22_864,
  usd: 0.0852,
};

const range = { low: 10, expected: 20, high: 40 };
const phaseEstimate = {
  phase: "search",
  calls: range,
  input_tokens: range,
  output_tokens: range,
  usd: null,
} as const;

export function summary(change: Partial<RunSummary> = {}): RunSummary {
  return {
    id: RUN,
    name: "cheap spam",
    tags: ["paper"],
    state: "running",
    reason: null,
    program: "ChainOfThought",
    predictors: { classify: "text -> reasoning, label: Literal['ham', 'spam']" },
    models: { task_model: "openai/gpt-4o-mini", prompt_model: "openai/gpt-4o" },
    settings: { auto: "light", num_candidates: 6, seed: 9 },
    notes: [],
    trainset_size: 25,
    valset_size: 100,
    created: 1_795_500_300,
    ended: null,
    seconds: 74,
    as_of: 1_795_500_374,
    phases: [],
    done: 300,
    total: 900,
    eta: 120,
    in_flight: 6,
    num_threads: 6,
    spend,
    estimate: { phases: [], total: phaseEstimate },
    caps: { max_usd: null, max_calls: null, max_tokens: null, max_seconds: null },
    baseline: 70,
    best: {
      trial: 7,
      score: 86,
      configuration: { "classify:instruction": 2, "classify:demos": 3 },
    },
    gain: null,
    errors: 0,
    steerable: true,
    lives: "here",
    ...change,
  };
}

const instructionTexts = [
  "Decide whether the text message is spam or ham.",
  "Read the text message twice. Decide whether it is spam or ham, and give the label alone.",
  "You filter text messages for a phone company whose customers pay for every message that they open. Decide whether the text message is spam or ham. A message is spam if it offers a prize, asks to call or text a number that costs money, or urges the reader to act at once; messages between people who know each other are ham, however short or oddly spelt.\n\nName the decisive words in your reasoning, then write the label in lower case.",
  "Label it.",
  "Somebody's savings depend on your answer. Decide with great care whether the text message is spam or ham.",
  "Think step by step. Look first for numbers to call, prices and prizes; then for names, plans and small talk. Weigh the two lists and decide whether the text message is spam or ham.",
];

export function instructionCard(
  index: number,
  change: Partial<InstructionCard> = {},
): InstructionCard {
  return {
    predictor: "classify",
    index,
    score: [70, 78.4, 85.2, null, 74, 81.5][index] ?? null,
    trials: [3, 5, 9, 0, 2, 6][index] ?? 0,
    examples: [100, 125, 250, 0, 50, 150][index] ?? 0,
    pinned: false,
    banned: false,
    instruction: clip(instructionTexts[index] ?? `Instruction number ${index}.`),
    source: index === 0 ? "student" : "proposed",
    tip: [null, "simple", "persona", "none", "high stakes", "creative"][index] ?? null,
    demo_set: index === 0 ? null : index % 3,
    based_on: null,
    ...change,
  };
}

export function instructionCards(): InstructionCard[] {
  return instructionTexts.map((_, index) => instructionCard(index));
}

export function demo(index: number): Record<string, Clip> {
  const spam = index % 2 === 0;
  return {
    text: clip(
      spam
        ? "WINNER!! You have been selected to receive a £900 prize. To claim call 09061701461. Valid 12 hours only."
        : "Ok lar… joking wif u oni. See you at seven, bring the keys?",
    ),
    reasoning: clip(spam ? "It offers a prize and asks for a costly call." : "Friends make plans."),
    label: clip(spam ? "spam" : "ham"),
  };
}

export function demoSetCards(): DemoSetCard[] {
  return [0, 1, 2, 3].map((index) => ({
    predictor: "classify",
    index,
    score: [71, 76.2, 82.4, 86][index] ?? null,
    trials: [4, 6, 5, 10][index] ?? 0,
    examples: [110, 150, 125, 290][index] ?? 0,
    pinned: false,
    banned: false,
    source: (["empty", "labelled", "bootstrapped", "bootstrapped"] as const)[index] ?? "empty",
    bootstrapped: [0, 0, 3, 2][index] ?? 0,
    labelled: [0, 4, 5, 14][index] ?? 0,
    preview: index === 0 ? [] : [demo(0), demo(1)],
    demos: [0, 4, 8, 16][index] ?? 0,
  }));
}

export function trialRow(trial: number, change: Partial<TrialRow> = {}): TrialRow {
  return {
    trial,
    kind: trial === 0 ? "baseline" : "full",
    configuration: { "classify:instruction": trial % 6, "classify:demos": trial % 4 },
    state: "done",
    examples: 12,
    scored: 12,
    reused: trial === 0 ? 0 : 3,
    errors: trial === 0 ? 0 : 1,
    score: trial === 0 ? 50 : 75,
    low: trial === 0 ? 25.4 : 46.8,
    high: trial === 0 ? 74.6 : 91.1,
    calls: 14,
    cached_calls: 2,
    input_tokens: 11_480,
    output_tokens: 1036,
    usd: 0.0023,
    asked_at: 1_795_500_340,
    seconds: 8.4,
    ...change,
  };
}

export function exampleRow(example: number, change: Partial<ExampleRow> = {}): ExampleRow {
  const { text, label, reasoning } = demo(example) as Required<Record<string, Clip>>;
  return {
    example,
    inputs: { text: text as Clip },
    expected: { label: label as Clip },
    prediction: { reasoning: reasoning as Clip, label: label as Clip },
    score: 1,
    feedback: null,
    error: null,
    seconds: 0.4 + (example % 5) / 4,
    scored_by: 7,
    ...change,
  };
}

/** Twelve examples; 4, 8 (and in trial 0 also 1, 6 and 9) are wrong, 5 failed but for trial 0. */
export function trialDetail(trial: number): TrialDetail {
  const wrong = trial === 0 ? [1, 4, 5, 6, 8, 9] : [4, 8];
  return {
    trial: trialRow(trial),
    prompts: [
      {
        predictor: "classify",
        example: 0,
        messages: [
          {
            role: "system",
            content: clip(
              `${instructionTexts[trial % 6]}\n\nInputs:\n1. text\n\nAnswer in this form:\nreasoning: {why}\nlabel: {ham or spam}`,
            ),
          },
          ...(trial === 0
            ? []
            : [
                { role: "user", content: clip(`text: ${demo(1).text?.text}`) },
                { role: "assistant", content: clip("reasoning: Friends make plans.\nlabel: ham") },
              ]),
          { role: "user", content: clip(`text: ${demo(0).text?.text}`) },
        ],
      },
    ],
    examples: Array.from({ length: 12 }, (_, example) => {
      if (example === 5 && trial !== 0) {
        return exampleRow(example, {
          prediction: null,
          score: 0,
          error: clip("The reply could not be read: it has no field `label`."),
        });
      }
      if (wrong.includes(example)) {
        return exampleRow(example, {
          prediction: {
            reasoning: clip("Nothing in it asks for money."),
            label: clip(example % 2 === 0 ? "ham" : "spam"),
          },
          score: 0,
          feedback: clip(`The label is ${example % 2 === 0 ? "spam" : "ham"}: look at the number.`),
        });
      }
      return exampleRow(example, { scored_by: example < 3 ? 0 : trial });
    }),
  };
}

export function callDetail(change: Partial<CallDetail> = {}): CallDetail {
  return {
    phase: "search",
    model: "openai/gpt-4o-mini",
    messages: [
      { role: "system", content: clip(instructionTexts[2] ?? "") },
      { role: "user", content: clip(`text: ${demo(0).text?.text}`) },
    ],
    parameters: { temperature: 0, max_tokens: 250 },
    reply: clip("reasoning: It offers a prize and asks for a costly call.\nlabel: spam"),
    thoughts: null,
    error: null,
    truncated: false,
    from_cache: false,
    input_tokens: 812,
    output_tokens: 41,
    counted: true,
    usd: 0.000146,
    seconds: 0.84,
    at: 1_795_500_341,
    ...change,
  };
}

export function historyRow(place: number, change: Partial<HistoryRow> = {}): HistoryRow {
  return {
    id: `20261${120 + place}-0910-q${place}xa`,
    name: ["cheap spam", "HotPotQA, two hops", "", "GSM8K light"][place % 4] ?? "",
    tags: place % 4 === 0 ? ["paper"] : place % 4 === 1 ? ["draft", "v2"] : [],
    program: ["ChainOfThought", "MultiHop", "Predict"][place % 3] ?? "",
    state: (["finished", "running", "cut off", "finished", "capped", "failed"] as const)[
      place % 6
    ] as HistoryRow["state"],
    created: 1_795_500_300 - place * 50_000,
    seconds: 74 + 61 * place,
    baseline: place % 6 === 5 ? null : 50 + 3 * (place % 7),
    score: place % 6 === 5 ? null : 68 + 2.5 * (place % 8),
    trials: 12 + place,
    calls: 341 + 130 * place,
    usd: place % 4 === 2 ? null : 0.0852 + place / 10,
    models: { task_model: place % 2 === 0 ? "openai/gpt-4o-mini" : "local/SmolLM2-135M" },
    settings: { auto: "light", num_candidates: 6, minibatch: true, seed: 9 + place },
    here: place === 1,
    ...change,
  };
}

export function comparison(): RunComparison {
  return {
    runs: [0, 1, 3].map((place, nth) => ({
      row: historyRow(place),
      curve: [0, 1, 2, 3].map((step) => ({
        calls: 60 + step * (90 + 60 * nth),
        usd: nth === 2 ? null : 0.01 + step * 0.03 * (nth + 1),
        seconds: 10 + step * 25,
        score: (historyRow(place).baseline ?? 0) + ([0, 9, 9, 18][step] ?? 0) - nth,
      })),
      instructions: {
        classify: clip(instructionTexts[[2, 5, 1][nth] ?? 0] ?? ""),
      },
    })),
  };
}
