/**
 * A page that shows one scene of the views with made-up data.
 *
 * The query chooses: `scene` (see below), `host` (plain, light, dark: the last two with
 * JupyterLab's variables), and `rate`, deltas a second.
 */

import { render } from "preact";
import { App } from "../shared/src/components/App";
import type { PhaseProgress, RunSnapshot, WidgetState } from "../shared/src/generated/view-model";
import { Kernel } from "../shared/src/model/kernel";
import { clip } from "../shared/tests/drill-fixtures";
import {
  changedPermission,
  historyRows,
  permission,
  type RunOptions,
  resumedPermission,
  snapshotOf,
  usual,
} from "./data";
import { FakeKernel } from "./fakeKernel";

interface Scene {
  readonly options?: Partial<RunOptions>;
  readonly state?: Partial<WidgetState>;
  /** False: nobody answers. */
  readonly answering?: boolean;
  readonly lost?: boolean;
  readonly rate?: number;
}

/** Formats as a run measured them; `unread`: no reply in any of them could be read so far. */
function withFormats(snapshot: RunSnapshot, unread: boolean): RunSnapshot {
  const measured = ["lines", "tags", "json", "value"].map((format, place) => ({
    format,
    score: unread ? 0 : 55 + 15 * (place % 3),
    unreadable: unread ? 20 : 3 - place,
    errors: place === 1 ? 2 : 0,
    tokens: 5_400 + 900 * place,
  }));
  const onRows = "measured on 20 training rows";
  const chosen = unread
    ? { chosen: null, told: `${onRows} so far` }
    : { chosen: "json", told: `json, ${onRows}: the best mean score` };
  return {
    ...snapshot,
    summary: { ...snapshot.summary, formats: { rows: 20, measured, ...chosen } },
  };
}

/** A run that searches the prompt format as well: two of those measured may be the best. */
function searchingFormats(): RunSnapshot {
  const snapshot = withFormats(snapshotOf({ ...usual, state: "finished", trials: 44 }), false);
  const { summary, trials } = snapshot;
  const { formats, result } = summary;
  const searched = ["json", "tags"];
  const told =
    "json, measured on 20 training rows: the best mean score. Formats differ by more than chance here, and tags is not clearly behind: so the search tries them as well";
  const effects = {
    formats: [
      { format: "json", adds: null, margin: null },
      { format: "tags", adds: 6.2, margin: 3.1 },
    ],
    told: ["Format tags adds 6.2 ± 3.1 points over json, whatever instructions and demos."],
  };
  return {
    ...snapshot,
    trials: trials.map((row) =>
      row.trial === 0 ? row : { ...row, format: searched[row.trial % 2] ?? null },
    ),
    summary: {
      ...summary,
      formats: formats ? { ...formats, searched, told } : null,
      result: result?.effects
        ? { ...result, effects: { ...result.effects, formats: effects } }
        : null,
    },
  };
}

/** A run that measures headroom, with what it found unless it goes on. */
function measuring(going: boolean): RunSnapshot {
  const snapshot = snapshotOf({ ...usual, trials: 0, state: going ? "running" : "finished" });
  const [propose] = snapshot.summary.phases.filter(({ phase }) => phase === "propose");
  const phase = {
    ...(propose as PhaseProgress),
    phase: "headroom",
    state: going ? "running" : "done",
    done: going ? 48 : 120,
    total: 120,
    unit: "answers",
  } as const;
  const prompts = [
    { prompt: "student as given", score: 30, low: 16.7, high: 47.9, lead: 0 },
    { prompt: "instruction 1", score: 76.7, low: 59.1, high: 88.2, lead: 46.7 },
    { prompt: "instruction 2", score: 33.3, low: 19.2, high: 51.2, lead: 3.3 },
    { prompt: "labelled demos", score: 50, low: 33.2, high: 66.8, lead: 20 },
  ].map((each) => ({ ...each, unreadable: 0, errors: 0 }));
  const expected =
    "Expect a gain from a run: instruction 1 is already 46.7 points ahead of the student, which is more than chance. It is the best of a few, so on other rows it will be somewhat less.";
  const examples = Array.from({ length: 30 }, (_, example) => ({
    example,
    inputs: { question: clip(`Which river flows through the town of number ${example}?`) },
    expected: { answer: clip("Vltava") },
    scores: prompts.map((_, place) => (example < 6 ? 0 : (example + place) % 3 === 0 ? 0 : 1)),
  }));
  const headroom = {
    examples,
    rows: 30,
    repeats: 1,
    prompts,
    floor: 19.1,
    spread: 46.7,
    expected,
    told: [
      "Noise floor: 19.1 points. Of 4 prompts that are equally good, the best and the worst are up to that far apart by chance on these 30 rows, in 95 of 100 cases.",
      "The prompts are 46.7 points apart, from 30.0 (student as given) to 76.7 (instruction 1): more than the noise floor.",
      expected,
      "On the valset of a run, 50 rows, the noise floor is about 14.8 points: a smaller gain cannot be told from chance.",
    ],
  };
  return {
    ...snapshot,
    trials: [],
    details: [],
    summary: {
      ...snapshot.summary,
      phases: [...(propose === undefined ? [] : [propose]), phase],
      measured_rows: 30,
      headroom: going ? null : headroom,
      baseline: null,
      best: null,
      gain: null,
      result: null,
      objectives: null,
    },
  };
}

const scenes: Readonly<Record<string, Scene>> = {
  running: { rate: 2 },
  still: {},
  start: { options: { trials: 0, planned: 40 } },
  two: { options: { predictors: 2 } },
  three: { options: { predictors: 3, trials: 60, planned: 60, state: "finished" } },
  paused: { options: { state: "paused" } },
  approval: { options: { state: "paused", trials: 1, waits: true } },
  finished: { options: { state: "finished", trials: 44 } },
  "finished-hostile": { options: { state: "finished", trials: 44, hostile: true } },
  "finished-long": { options: { state: "finished", trials: 44, long: true } },
  "saved-long": { options: { state: "finished", trials: 44, long: true }, answering: false },
  "finished-unpriced": { options: { state: "finished", trials: 44, priced: false } },
  capped: { options: { state: "capped", trials: 31 } },
  stopped: { options: { state: "stopped", trials: 12 } },
  failed: { options: { state: "failed", trials: 1 } },
  cutoff: { options: { state: "cut off", trials: 18 } },
  gone: { lost: true },
  saved: { answering: false },
  unpriced: { options: { priced: false, capUsd: null } },
  hostile: { options: { hostile: true, predictors: 1 } },
  many: { options: { trials: 2_000, planned: 4_000 }, rate: 50 },
  permission: { state: { permission: permission(true, false), snapshot: null } },
  "permission-unpriced": { state: { permission: permission(false, false), snapshot: null } },
  "permission-free": { state: { permission: permission(true, false, true), snapshot: null } },
  "permission-hostile": { state: { permission: permission(true, true), snapshot: null } },
  "permission-resumed": {
    state: { permission: resumedPermission(), snapshot: null },
  },
  "permission-changed": {
    state: { permission: changedPermission(), snapshot: null },
  },
  joinable: {
    state: { permission: { ...permission(true, false), joins: usual.id }, snapshot: null },
  },
  joined: {
    state: {
      permission: { ...permission(true, false), joins: usual.id, state: "joined" },
    },
  },
  formats: {
    answering: false,
    state: { snapshot: withFormats(snapshotOf({ ...usual, state: "finished" }), false) },
  },
  "formats-searched": { answering: false, state: { snapshot: searchingFormats() } },
  "formats-unread": {
    answering: false,
    state: { snapshot: withFormats(snapshotOf(usual), true) },
  },
  headroom: { answering: false, state: { snapshot: measuring(false) } },
  "headroom-going": { answering: false, state: { snapshot: measuring(true) } },
  "permission-headroom": {
    state: {
      permission: { ...permission(true, false), measured_rows: 30, measurement: "first" },
      snapshot: null,
    },
  },
  permitted: {
    state: { permission: { ...permission(true, false), state: "permitted" } },
  },
  declined: {
    state: { permission: { ...permission(true, false), state: "declined" }, snapshot: null },
  },
  history: { state: { kind: "history", history: historyRows(), snapshot: null } },
  get runs() {
    return { state: { kind: "history", history: historyRows(2_000), snapshot: null } } as const;
  },
};

const query = new URLSearchParams(location.search);
const scene = scenes[query.get("scene") ?? "running"] ?? {};
const options: RunOptions = { ...usual, ...scene.options };
const root = document.getElementById("root") as HTMLElement;

let state: WidgetState = {
  kind: "run",
  permission: null,
  snapshot: snapshotOf(options),
  history: null,
  comparison: null,
  ...scene.state,
};

const channel = new FakeKernel(options, scene.answering ?? true, (permitted) => {
  const asked = state.permission;
  if (asked !== null) {
    state = {
      ...state,
      permission: { ...asked, state: permitted ? "permitted" : "declined" },
      snapshot: permitted ? channel.snapshot : null,
    };
    draw();
    channel.play(2);
  }
});
const kernel = new Kernel(channel, { patience: 1_000, limit: 60_000 });

function draw(): void {
  render(<App state={state} kernel={kernel} keep={() => {}} />, root);
}

setHost(query.get("host") ?? "plain");
draw();
const rate = Number(query.get("rate") ?? scene.rate ?? 0);
if (rate > 0) {
  channel.play(rate);
}
if (scene.lost) {
  setTimeout(() => channel.lose(), 200);
}
Object.assign(window, { channel });

/** What JupyterLab's themes set. */
function setHost(host: string): void {
  if (host === "plain") {
    return;
  }
  document.body.dataset.jpThemeLight = String(host === "light");
  const variables: Record<string, string> = {
    "--jp-layout-color0": host === "light" ? "white" : "#111111",
    "--jp-ui-font-color1": host === "light" ? "rgba(0,0,0,0.87)" : "rgba(255,255,255,0.87)",
    "--jp-ui-font-family":
      "system-ui, -apple-system, blinkmacsystemfont, 'Segoe UI', helvetica, arial, sans-serif",
    "--jp-code-font-family": "menlo, consolas, 'DejaVu Sans Mono', monospace",
  };
  for (const [name, value] of Object.entries(variables)) {
    document.body.style.setProperty(name, value);
  }
  document.body.style.background = host === "light" ? "white" : "#111111";
}
