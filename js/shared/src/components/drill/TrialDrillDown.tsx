import { useState } from "preact/hooks";
import type { TrialDetail, TrialRow } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Badge } from "../base/Badge";
import { Tabs } from "../base/Tabs";
import { ProgramActions } from "../result/ProgramActions";
import { DrillFrame } from "./DrillFrame";
import { ExampleTable } from "./ExampleTable";
import { Prompts } from "./Prompts";
import { TrialFacts } from "./TrialFacts";
import { TrialFetching } from "./TrialFetching";
import { useTrial } from "./useTrial";

interface TrialDrillDownProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly row: TrialRow;
  /** Those of the program. */
  readonly predictors: readonly string[];
  /** What the notebook has saved. */
  readonly details: readonly TrialDetail[];
  /** The example that is opened at first. */
  readonly example?: number | null;
  readonly onClose: () => void;
}

const kinds = {
  baseline: "The student as given",
  minibatch: "Minibatch",
  full: "Full evaluation",
} as const;

/** One trial: its prompts, its examples, and the calls behind each. */
export function TrialDrillDown({
  kernel,
  run,
  row,
  predictors,
  details,
  example = null,
  onClose,
}: TrialDrillDownProps) {
  const asked = useTrial(kernel, run, row, details);
  const detail = asked.value;
  const [tab, setTab] = useState<"examples" | "prompt">("examples");
  return (
    <DrillFrame
      title={`Trial ${row.trial}`}
      name={`trial ${row.trial}`}
      onClose={onClose}
      aside={
        <>
          <Badge>{kinds[row.kind]}</Badge>
          {row.state === "running" && <Badge tone="info">Running</Badge>}
          {row.state === "given up" && <Badge tone="warning">Given up</Badge>}
        </>
      }
    >
      <TrialFacts row={row} />
      <div class="mipro-result-actions">
        <ProgramActions kernel={kernel} run={run} trial={row.trial} predictors={predictors} />
      </div>
      <TrialFetching asked={asked} trial={row.trial} run={run} kernel={kernel} />
      {detail !== null && (
        <Tabs
          label={`Trial ${row.trial}`}
          tabs={[
            { id: "examples", label: "Examples", count: detail.examples.length },
            { id: "prompt", label: "Prompt as sent" },
          ]}
          selected={tab}
          onSelect={setTab}
        >
          {tab === "examples" ? (
            <ExampleTable
              kernel={kernel}
              run={run}
              trial={row.trial}
              examples={detail.examples}
              unrateable={detail.unrateable ?? null}
              first={example}
            />
          ) : (
            <Prompts prompts={detail.prompts} kernel={kernel} run={run} />
          )}
        </Tabs>
      )}
    </DrillFrame>
  );
}
