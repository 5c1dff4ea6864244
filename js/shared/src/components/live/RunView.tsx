import { useCallback, useState } from "preact/hooks";
import { formatCount } from "../../format";
import type { PhaseProgress } from "../../generated/view-model";
import { useSnapshot, useStable } from "../../model/hooks";
import type { Kernel, Presence } from "../../model/kernel";
import { standing } from "../../model/standing";
import type { RunStore } from "../../model/store";
import { Notice } from "../base/Notice";
import { Tabs } from "../base/Tabs";
import { DemoSetCards } from "../candidates/DemoSetCards";
import { InstructionCards } from "../candidates/InstructionCards";
import { Announcer } from "./Announcer";
import { type Opened, OpenedTrials } from "./OpenedTrials";
import { PhaseStepper } from "./PhaseStepper";
import { RunHeader } from "./RunHeader";
import { ScoreChart } from "./ScoreChart";
import { CostPanel, SettingsPanel } from "./SettingsPanel";
import { TrialsTable } from "./TrialsTable";
import { Vitals } from "./Vitals";

interface RunViewProps {
  /** Null where there is none: then the view is read-only. */
  readonly kernel: Kernel | null;
  readonly presence: Presence;
  readonly store: RunStore;
  readonly onBack: (() => void) | null;
}

type TabId = "trials" | "instructions" | "demos" | "settings" | "cost";

/** A run, going on or over: its state, scores, trials and candidates. */
export function RunView({ kernel, presence, store, onBack }: RunViewProps) {
  const snapshot = useSnapshot(store);
  const { summary, trials, instructions, demo_sets, details, left_out = 0 } = snapshot;
  const now = standing(summary, presence);
  const reachable = now.reachable ? kernel : null;
  const [tab, setTab] = useState<TabId>("trials");
  const [opened, setOpened] = useState<Opened | null>(null);
  const openedTrial = opened !== null && "trial" in opened ? opened.trial : null;
  const open = useCallback((trial: number) => {
    setTab("trials");
    setOpened({ trial });
  }, []);
  const close = useCallback(() => setOpened(null), []);
  const best = useStable(summary.best);
  const phases = useStable(summary.phases);
  const predictors = useStable(Object.keys(summary.predictors));

  return (
    <section class="mipro-run" aria-label={`Run ${summary.id}`}>
      <RunHeader kernel={kernel} summary={summary} standing={now} onBack={onBack} />
      <PhaseStepper phases={phases} still={!now.going || summary.state === "paused"} />
      <Vitals summary={summary} working={now.going && summary.state === "running"} />
      <ScoreChart
        trials={trials}
        baseline={summary.baseline}
        best={best}
        planned={now.going ? (searchOf(phases)?.total ?? null) : null}
        selected={openedTrial}
        onSelect={open}
      />
      <Tabs
        label="Details of the run"
        tabs={[
          { id: "trials", label: "Trials", count: trials.length },
          { id: "instructions", label: "Instructions", count: instructions.length },
          { id: "demos", label: "Demos", count: demo_sets.length },
          { id: "cost", label: "Cost" },
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
            <TrialsTable
              trials={trials}
              predictors={predictors}
              begun={now.going ? (summary.state === "paused" ? "paused" : "running") : "unfinished"}
              best={best?.trial ?? null}
              opened={openedTrial}
              onOpen={open}
              onCompare={(compared) => setOpened({ compared })}
            />
            {opened !== null && (
              <OpenedTrials
                kernel={reachable}
                run={summary.id}
                opened={opened}
                trials={trials}
                details={details}
                onClose={close}
              />
            )}
          </>
        )}
        {tab === "instructions" && (
          <>
            <h3 class="mipro-only-read">Instruction candidates</h3>
            <InstructionCards kernel={reachable} summary={summary} cards={instructions} />
          </>
        )}
        {tab === "demos" && (
          <>
            <h3 class="mipro-only-read">Demo sets</h3>
            <DemoSetCards kernel={reachable} summary={summary} cards={demo_sets} />
          </>
        )}
        {tab === "cost" && <CostPanel summary={summary} />}
        {tab === "settings" && <SettingsPanel summary={summary} />}
      </Tabs>
      <Announcer summary={summary} />
    </section>
  );
}

function searchOf(phases: readonly PhaseProgress[]): PhaseProgress | undefined {
  return phases.find(({ phase }) => phase === "search");
}
