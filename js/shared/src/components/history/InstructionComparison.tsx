import { useState } from "preact/hooks";
import type { Clip } from "../../generated/view-model";
import { titleOf } from "../../model/words";
import { excerpt } from "../../text";
import { Button } from "../base/Button";
import { Select } from "../base/Field";
import { SafeText } from "../base/SafeText";
import { ClipText } from "../drill/ClipText";
import { ClipDiff } from "../drill/TextDiff";
import type { Run } from "./curves";
import { LineSample } from "./Marker";

/** The instructions that each run came to, predictor by predictor. */
export function InstructionComparison({ runs }: { readonly runs: readonly Run[] }) {
  const predictors = [...new Set(runs.flatMap((run) => Object.keys(run.instructions)))];
  if (predictors.length === 0) {
    return null;
  }
  return (
    <section class="mipro-compareinstructions" aria-label="Instructions">
      {predictors.map((predictor) => (
        <PredictorInstructions
          key={predictor}
          predictor={predictor}
          named={predictors.length > 1}
          runs={runs}
        />
      ))}
    </section>
  );
}

interface PredictorInstructionsProps {
  readonly predictor: string;
  readonly named: boolean;
  readonly runs: readonly Run[];
}

function PredictorInstructions({ predictor, named, runs }: PredictorInstructionsProps) {
  const having = runs.flatMap((run, place): { run: Run; place: number; clip: Clip }[] => {
    const clip = run.instructions[predictor];
    return clip === undefined ? [] : [{ run, place, clip }];
  });
  const [comparing, setComparing] = useState(false);
  const [from, setFrom] = useState("0");
  const [to, setTo] = useState(String(having.length - 1));
  const [before, after] = [having[Number(from)], having[Number(to)]];
  const options = having.map(({ run }, nth) => ({
    value: String(nth),
    label: excerpt(titleOf(run.row), 60),
  }));
  return (
    <section class="mipro-compareinstructions-predictor">
      <div class="mipro-compareinstructions-head">
        <h4>
          {named ? (
            <>
              Instructions of <SafeText text={predictor} />
            </>
          ) : (
            "Instructions"
          )}
        </h4>
        {having.length > 1 && (
          <Button
            kind="quiet"
            icon="compare"
            pressed={comparing}
            onClick={() => setComparing(!comparing)}
          >
            Diff{" "}
            <span class="mipro-only-read">of the instructions{named && ` of ${predictor}`}</span>
          </Button>
        )}
        {comparing && having.length > 2 && (
          <>
            <Select label="From" value={from} options={options} onChange={setFrom} />
            <span class="mipro-muted">to</span>
            <Select label="To" value={to} options={options} onChange={setTo} />
          </>
        )}
      </div>
      {comparing && before !== undefined && after !== undefined ? (
        <>
          <p class="mipro-cliptext-note">
            From <SafeText text={options[Number(from)]?.label ?? ""} /> to{" "}
            <SafeText text={options[Number(to)]?.label ?? ""} />
          </p>
          <ClipDiff
            before={[before.clip]}
            after={[after.clip]}
            join={(texts) => texts.join("")}
            name={`Changes in the instruction of ${predictor}`}
            kernel={null}
            run={after.run.row.id}
          />
        </>
      ) : (
        <ul class="mipro-compareinstructions-columns">
          {having.map(({ run, place, clip }) => (
            <li key={run.row.id}>
              <p class="mipro-compareinstructions-run">
                <LineSample run={place} />
                <SafeText text={excerpt(titleOf(run.row), 60)} />
              </p>
              <ClipText
                clip={clip}
                name={`the instruction of ${titleOf(run.row)}`}
                kernel={null}
                run={run.row.id}
                copy
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
