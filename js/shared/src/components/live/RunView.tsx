import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { formatCount } from "../../format";
import type { PhaseProgress } from "../../generated/view-model";
import { useSnapshot, useStable } from "../../model/hooks";
import type { Kernel, Presence } from "../../model/kernel";
import { standing } from "../../model/standing";
import type { RunStore } from "../../model/store";
import { classes } from "../base/classes";
import { Notice } from "../base/Notice";
import { SafeText } from "../base/SafeText";
import { Tabs } from "../base/Tabs";
import { DemoSetCards } from "../candidates/DemoSetCards";
import { InstructionCards } from "../candidates/InstructionCards";
import { CostPanel } from "../cost/CostPanel";
import { Effects } from "../result/Effects";
import { HeadroomCard } from "../result/HeadroomCard";
import { HeadroomRows } from "../result/HeadroomRows";
import { OutcomesTable } from "../result/OutcomesTable";
import { ResultCard } from "../result/ResultCard";
import { TestRows } from "../result/TestRows";
import { Announcer } from "./Announcer";
import { type Opened, OpenedTrials } from "./OpenedTrials";
import { RunHeader } from "./RunHeader";
import { RunProgress } from "./RunProgress";
import { ScoreChart } from "./ScoreChart";
import { SettingsPanel, SpentPanel } from "./SettingsPanel";
import { TrialsTable } from "./TrialsTable";

interface RunViewProps {
  /** Null where there is none: then the view is read-only. */
  readonly kernel: Kernel | null;
  readonly presence: Presence;
  readonly store: RunStore;
  readonly onBack: (() => void) | null;
}

type TabId =
  | "trials"
  | "rows"
  | "outcomes"
  | "tested"
  | "effects"
  | "instructions"
  | "demos"
  | "cost"
  | "spent"
  | "settings";

/** A run, going on or over: its state, scores, trials and candidates. */
export function RunView({ kernel, presence, store, onBack }: RunViewProps) {
  const snapshot = useSnapshot(store);
  const { summary, trials, instructions, demo_sets, details, tested, left_out = 0 } = snapshot;
  const now = standing(summary, presence, kernel?.busy);
  const reachable = now.reachable ? kernel : null;
  // A run that measures headroom searches nothing: there are no trials, and nothing to steer.
  const measures = (summary.measured_rows ?? 0) > 0;
  const steered = measures ? null : reachable;
  const [chosen, setTab] = useState<TabId | null>(null);
  const headroom = useStable(summary.headroom ?? null);
  const rows = headroom?.examples ?? [];
  const first = measures ? (rows.length > 0 ? "rows" : "instructions") : "trials";
  const tab = chosen ?? first;
  const [opened, setOpened] = useState<Opened | null>(null);
  const [jumps, setJumps] = useState(0);
  const view = useRef<HTMLElement>(null);
  // What a link of the card leads to may stand far below it.
  useEffect(() => {
    if (jumps > 0) {
      view.current?.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus();
    }
  }, [jumps]);
  // The run waits for a person there, or soon will.
  const waits = now.going && summary.approval != null;
  useEffect(() => {
    if (waits) {
      setTab("instructions");
    }
  }, [waits]);
  const openedTrial = opened !== null && "trial" in opened ? opened.trial : null;
  const open = useCallback((trial: number) => {
    setTab("trials");
    setOpened({ trial });
  }, []);
  const compare = useCallback((compared: readonly [number, number]) => {
    setTab("trials");
    setOpened({ compared });
  }, []);
  const close = useCallback(() => setOpened(null), []);
  const best = useStable(summary.best);
  const result = useStable(summary.result ?? null);
  const effects = result?.effects ?? null;
  const phases = useStable(summary.phases);
  const objectives = useStable(summary.objectives ?? null);
  const scored = phases.find(({ phase }) => phase === "test")?.done ?? 0;
  const predictors = useStable(Object.keys(summary.predictors));

  return (
    <section ref={view} class="mipro-run" aria-label={`Run ${summary.id}`}>
      <RunHeader kernel={kernel} summary={summary} standing={now} onBack={onBack} />
      {result !== null && (
        <ResultCard
          kernel={reachable}
          summary={summary}
          result={result}
          demoSets={demo_sets}
          onFailing={() => {
            setTab("outcomes");
            setJumps((count) => count + 1);
          }}
          onCompare={compare}
        />
      )}
      {headroom !== null && <HeadroomCard headroom={headroom} />}
      <RunProgress
        summary={summary}
        phases={phases}
        working={now.going && summary.state === "running"}
        over={result !== null || headroom !== null}
      />
      {!measures && (
        <ScoreChart
          trials={trials}
          baseline={summary.baseline}
          best={best}
          planned={now.going ? (searchOf(phases)?.total ?? null) : null}
          selected={openedTrial}
          onSelect={open}
        />
      )}
      <Tabs
        label="Details of the run"
        tabs={[
          ...(measures ? [] : [{ id: "trials", label: "Trials", count: trials.length } as const]),
          ...(headroom !== null && rows.length > 0
            ? [{ id: "rows", label: "Rows", count: headroom.rows } as const]
            : []),
          ...(result === null
            ? []
            : [{ id: "outcomes", label: "What still fails", count: result.failing } as const]),
          ...(scored === 0
            ? []
            : [{ id: "tested", label: "Test rows", count: summary.testset_size ?? 0 } as const]),
          ...(effects === null ? [] : [{ id: "effects", label: "Effects" } as const]),
          { id: "instructions", label: "Instructions", count: instructions.length },
          { id: "demos", label: "Demos", count: demo_sets.length },
          ...(objectives === null ? [] : [{ id: "cost", label: "Score vs. cost" } as const]),
          { id: "spent", label: "Spending" },
          { id: "settings", label: "Settings" },
        ]}
        selected={tab}
        onSelect={setTab}
      >
        {tab === "trials" && (
          <>
            {left_out > 0 && (
              <Notice>
                {formatCount(left_out)} more trials were not saved with this notebook:{" "}
                <code>%mipro show {summary.id}</code> has all of them.
              </Notice>
            )}
            <div class={classes("mipro-trials", openedTrial !== null && "mipro-trials--beside")}>
              <div class="mipro-trials-all">
                <TrialsTable
                  trials={trials}
                  predictors={predictors}
                  begun={
                    now.going ? (summary.state === "paused" ? "paused" : "running") : "unfinished"
                  }
                  best={best?.trial ?? null}
                  opened={openedTrial}
                  onOpen={open}
                  onCompare={compare}
                />
                {summary.ratings && (
                  <p class="mipro-ratings">
                    <SafeText text={summary.ratings.told.join(" ")} />
                  </p>
                )}
              </div>
              {opened !== null && (
                <div class="mipro-trials-opened">
                  <OpenedTrials
                    kernel={reachable}
                    run={summary.id}
                    opened={opened}
                    trials={trials}
                    predictors={predictors}
                    details={details}
                    onClose={close}
                  />
                </div>
              )}
            </div>
          </>
        )}
        {tab === "rows" && headroom !== null && (
          <HeadroomRows examples={rows} prompts={headroom.prompts} />
        )}
        {tab === "outcomes" && result !== null && (
          <OutcomesTable
            run={summary.id}
            result={result}
            onOpen={(example) => {
              setTab("trials");
              setOpened({ trial: result.trial, example });
            }}
          />
        )}
        {tab === "tested" && scored > 0 && (
          <TestRows kernel={reachable} run={summary.id} scored={scored} saved={tested ?? null} />
        )}
        {tab === "effects" && effects !== null && <Effects effects={effects} />}
        {tab === "instructions" && (
          <>
            <h3 class="mipro-only-read">Instruction candidates</h3>
            <InstructionCards kernel={steered} summary={summary} cards={instructions} />
          </>
        )}
        {tab === "demos" && (
          <>
            <h3 class="mipro-only-read">Demo sets</h3>
            <DemoSetCards kernel={steered} summary={summary} cards={demo_sets} />
          </>
        )}
        {tab === "cost" && objectives !== null && (
          <CostPanel objectives={objectives} onOpen={open} />
        )}
        {tab === "spent" && <SpentPanel summary={summary} />}
        {tab === "settings" && <SettingsPanel kernel={steered} summary={summary} />}
      </Tabs>
      <Announcer summary={summary} />
    </section>
  );
}

function searchOf(phases: readonly PhaseProgress[]): PhaseProgress | undefined {
  return phases.find(({ phase }) => phase === "search");
}
