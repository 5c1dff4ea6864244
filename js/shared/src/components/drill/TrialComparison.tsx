import { useMemo, useState } from "preact/hooks";
import { formatPoints, formatScore } from "../../format";
import type { TrialDetail, TrialRow } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Tabs } from "../base/Tabs";
import { counted } from "./counted";
import { DrillFrame } from "./DrillFrame";
import { PairTable } from "./PairTable";
import { PromptDiffs } from "./PromptDiffs";
import { type PairedDifference, pairedDifference } from "./pairs";
import { TrialFacts } from "./TrialFacts";
import { TrialFetching } from "./TrialFetching";
import { useTrial } from "./useTrial";

interface TrialComparisonProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly rows: readonly [TrialRow, TrialRow];
  readonly details: readonly TrialDetail[];
  readonly onClose: () => void;
}

/** Two trials side by side: scores on common examples, prompts, and examples won and lost. */
export function TrialComparison({ kernel, run, rows, details, onClose }: TrialComparisonProps) {
  const [a, b] = rows;
  const askedA = useTrial(kernel, run, a, details);
  const askedB = useTrial(kernel, run, b, details);
  const [tab, setTab] = useState<"examples" | "prompt">("examples");
  const [ofA, ofB] = [askedA.value, askedB.value];
  const difference = useMemo(
    () => (ofA === null || ofB === null ? null : pairedDifference(ofA.examples, ofB.examples)),
    [ofA, ofB],
  );
  return (
    <DrillFrame
      title={`Trials ${a.trial} and ${b.trial}`}
      name={`comparison of trials ${a.trial} and ${b.trial}`}
      onClose={onClose}
    >
      <div class="mipro-sides">
        <Side row={a} />
        <Side row={b} />
      </div>
      <TrialFetching asked={askedA} trial={a.trial} run={run} kernel={kernel} />
      <TrialFetching asked={askedB} trial={b.trial} run={run} kernel={kernel} />
      {ofA !== null && ofB !== null && difference !== null && (
        <>
          <DifferenceSentence difference={difference} a={a.trial} b={b.trial} />
          <Tabs
            label="What to compare"
            tabs={[
              { id: "examples", label: "Examples won and lost", count: difference.pairs.length },
              { id: "prompt", label: "Prompts" },
            ]}
            selected={tab}
            onSelect={setTab}
          >
            {tab === "examples" ? (
              <PairTable
                pairs={difference.pairs}
                a={a.trial}
                b={b.trial}
                kernel={kernel}
                run={run}
              />
            ) : (
              <PromptDiffs a={ofA} b={ofB} kernel={kernel} run={run} />
            )}
          </Tabs>
        </>
      )}
    </DrillFrame>
  );
}

function Side({ row }: { readonly row: TrialRow }) {
  return (
    <section class="mipro-side" aria-label={`Trial ${row.trial}`}>
      <h4>Trial {row.trial}</h4>
      <TrialFacts row={row} />
    </section>
  );
}

interface DifferenceSentenceProps {
  readonly difference: PairedDifference;
  readonly a: number;
  readonly b: number;
}

function DifferenceSentence({ difference, a, b }: DifferenceSentenceProps) {
  const { pairs, mean, interval } = difference;
  if (mean === null) {
    return <p class="mipro-difference">The two trials have no scored example in common.</p>;
  }
  const clear = interval !== null && (interval.low > 0 || interval.high < 0);
  return (
    <p class="mipro-difference">
      On the {counted(pairs.length, "example")} that both have scored, trial {b} scores{" "}
      <strong>
        {mean === 0
          ? "the same as"
          : `${formatScore(Math.abs(mean))} points ${mean > 0 ? "more" : "less"} than`}
      </strong>{" "}
      trial {a}
      {interval === null
        ? "; that is too few examples to tell."
        : ` (95 % interval ${formatPoints(interval.low)} to ${formatPoints(interval.high)}): ${
            clear ? "a clear difference." : "no clear difference."
          }`}
    </p>
  );
}
