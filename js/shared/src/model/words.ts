/** What states, phases and configurations are called, the same in every view. */

import type {
  Configuration,
  EvaluationKind,
  HistoryRow,
  LiveRunRow,
  Part,
  Phase,
  RunState,
  TrialRow,
} from "../generated/view-model";

export const phaseNames: Readonly<Record<Phase, string>> = {
  formats: "Formats",
  baseline: "Baseline",
  bootstrap: "Bootstrap",
  propose: "Propose",
  search: "Search",
  repair: "Repair",
  test: "Test",
  headroom: "Headroom",
  other: "Other",
};

export const kindNames: Readonly<Record<EvaluationKind, string>> = {
  baseline: "baseline",
  minibatch: "minibatch",
  full: "full",
};

export const stateNames: Readonly<Record<RunState, string>> = {
  planned: "Planned",
  running: "Running",
  paused: "Paused",
  finished: "Finished",
  stopped: "Stopped",
  capped: "Stopped by cap",
  failed: "Failed",
  "cut off": "Cut off",
};

/** What a run is called: its program, while nobody has named it. */
export function titleOf({ name, program }: Pick<HistoryRow, "name" | "program">): string {
  return name || program;
}

/** How much of a run is done; nothing is rounded up to a whole that is not there yet. */
export function shareText({ done, total }: Pick<LiveRunRow, "done" | "total">): string | null {
  return total ? `${Math.floor(100 * Math.min(1, done / total))} %` : null;
}

/** The name of the variable that chooses a part of a predictor. */
export function variableOf(predictor: string, part: Part): string {
  return `${predictor}:${part}`;
}

/** The variable that chooses the prompt format of the whole program. */
const FORMAT = variableOf("", "format");

function splitVariable(
  variable: string,
): readonly [predictor: string, part: "instruction" | "demos"] {
  const colon = variable.lastIndexOf(":");
  return [
    variable.slice(0, colon),
    variable.slice(colon + 1) === "instruction" ? "instruction" : "demos",
  ];
}

/** What a configuration chose for one predictor. */
export interface Choice {
  readonly predictor: string;
  readonly instruction: number | null;
  readonly demos: number | null;
}

const choicesOf = new WeakMap<Configuration, readonly Choice[]>();

/** The choices of a configuration, predictor by predictor, in the order of its variables. */
export function choices(configuration: Configuration): readonly Choice[] {
  let found = choicesOf.get(configuration);
  if (found === undefined) {
    const byPredictor = new Map<string, Choice>();
    for (const [variable, index] of Object.entries(configuration)) {
      if (variable === FORMAT) {
        continue;
      }
      const [predictor, part] = splitVariable(variable);
      const known = byPredictor.get(predictor) ?? { predictor, instruction: null, demos: null };
      byPredictor.set(predictor, { ...known, [part]: index });
    }
    found = [...byPredictor.values()];
    choicesOf.set(configuration, found);
  }
  return found;
}

/** A choice in words, without its predictor: "instr 3 · demos 2". */
export function choiceText({ instruction, demos }: Choice): string {
  const parts = [];
  if (instruction !== null) {
    parts.push(`instr ${instruction}`);
  }
  if (demos !== null) {
    parts.push(`demos ${demos}`);
  }
  return parts.join(" · ");
}

/** What a trial tries: "solve: instr 3 · demos 2, check: instr 0 · demos 1, format json". */
export function triedText({ configuration, format }: Tried): string {
  const told = choices(configuration).map((choice) => `${choice.predictor}: ${choiceText(choice)}`);
  return [...told, ...(format == null ? [] : [formatText(format)])].join(", ");
}

export function formatText(format: string): string {
  return `format ${format}`;
}

type Tried = Pick<TrialRow, "configuration" | "format">;

/** A setting as Python writes it. */
export function settingText(value: unknown): string {
  if (value === null || value === undefined) {
    return "None";
  }
  if (typeof value === "boolean") {
    return value ? "True" : "False";
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}
