import type { DemoSetCard, ResultView, RunSummary } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Button } from "../base/Button";
import { Menu } from "../base/Menu";
import { SafeText } from "../base/SafeText";
import { CodeLine } from "../drill/CodeLine";
import { ProgramActions } from "./ProgramActions";
import { ResultPrompts } from "./ResultPrompts";
import { ResultScores } from "./ResultScores";
import { ShareButton } from "./ShareButton";

interface ResultCardProps {
  readonly kernel: Kernel | null;
  readonly summary: RunSummary;
  readonly result: ResultView;
  readonly demoSets: readonly DemoSetCard[];
  readonly onFailing: () => void;
  readonly onCompare: (trials: readonly [number, number]) => void;
}

/** What came of a run that has ended: the first thing that one wants to know of it. */
export function ResultCard({
  kernel,
  summary,
  result,
  demoSets,
  onFailing,
  onCompare,
}: ResultCardProps) {
  const { trial, changed, gain, test, cost, why, failing, failing_told: told } = result;
  return (
    <section class="mipro-result" aria-label="Result">
      <div class="mipro-result-head">
        <h3>{changed ? "The best program" : unchangedTitle(summary)}</h3>
        <div class="mipro-result-actions">
          <ProgramActions
            kernel={kernel}
            run={summary.id}
            trial={trial}
            predictors={Object.keys(summary.predictors)}
          />
          {kernel?.hasNotebook && <ShareButton kernel={kernel} run={summary.id} />}
          {summary.state === "finished" && summary.test == null && <HeldOutMenu run={summary.id} />}
          {changed && (
            <Button kind="quiet" icon="compare" onClick={() => onCompare([0, trial])}>
              Compare with the student
            </Button>
          )}
        </div>
      </div>
      <ResultScores result={result} testRows={summary.testset_size ?? 0} />
      <ul class="mipro-result-told">
        {[...gain, ...test, ...(cost === null ? [] : [cost])].map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
        <li>
          {failing === 0 ? (
            told
          ) : (
            <Button kind="quiet" icon="chevronRight" onClick={onFailing}>
              {told}
            </Button>
          )}
        </li>
      </ul>
      <p class="mipro-muted mipro-small">
        <SafeText text={why.join(" ")} />
      </p>
      <ResultPrompts
        kernel={kernel}
        run={summary.id}
        prompts={result.prompts}
        demoSets={demoSets}
      />
    </section>
  );
}

/** The lines that test the result: only a notebook has rows to test on, and the program. */
function HeldOutMenu({ run }: { run: string }) {
  return (
    <Menu label="Test on held-out rows">
      <p class="mipro-small">
        The scores above are from the rows that chose the result. Rows that no phase has seen tell
        what it is worth. In the notebook of this run, as long as its kernel is there:
      </p>
      <CodeLine code={`%mipro test ${run} held_out_rows`} name="the line to test it" />
      <p class="mipro-small">
        In any other notebook, with an optimizer of the same metric and the program that it began
        with:
      </p>
      <CodeLine
        code={`optimizer.resume("${run}", student, testset=held_out_rows)`}
        name="the line to test it later"
      />
    </Menu>
  );
}

/** A run that ended early may have compared the student with nothing. */
function unchangedTitle({ state }: RunSummary): string {
  return state === "finished" ? "The student as given is the best" : "No better program was found";
}
