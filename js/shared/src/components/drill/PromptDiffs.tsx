import type { TrialDetail } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { SafeText } from "../base/SafeText";
import { ClipDiff } from "./TextDiff";

interface PromptDiffsProps {
  readonly a: TrialDetail;
  readonly b: TrialDetail;
  readonly kernel: Kernel | null;
  readonly run: string;
}

type Prompt = TrialDetail["prompts"][number];

/** What changed in each predictor's prompt from one trial to another. */
export function PromptDiffs({ a, b, kernel, run }: PromptDiffsProps) {
  const pairs = a.prompts.flatMap((prompt): [Prompt, Prompt][] => {
    const other = b.prompts.find(({ predictor }) => predictor === prompt.predictor);
    return other === undefined ? [] : [[prompt, other]];
  });
  if (pairs.length === 0) {
    return <p class="mipro-drill-empty">There are no prompts of both trials to compare.</p>;
  }
  return (
    <div class="mipro-prompts">
      {pairs.map(([before, after]) => (
        <section key={before.predictor} class="mipro-prompt">
          <h4>
            <SafeText text={before.predictor} />
          </h4>
          {before.example !== after.example && (
            <p class="mipro-cliptext-note">
              The prompts were sent for different examples ({before.example ?? "unknown"} and{" "}
              {after.example ?? "unknown"}), so their inputs differ as well.
            </p>
          )}
          <ClipDiff
            before={before.messages.map(({ content }) => content)}
            after={after.messages.map(({ content }) => content)}
            join={(texts, side) => joined(side === "before" ? before : after, texts)}
            name={`Changes in the prompt of ${before.predictor} from trial ${a.trial.trial} to ${b.trial.trial}`}
            kernel={kernel}
            run={run}
          />
        </section>
      ))}
    </div>
  );
}

/** All messages as one text, each below its role. */
function joined({ messages }: Prompt, texts: readonly string[]): string {
  return messages.map(({ role }, place) => `[${role}]\n${texts[place] ?? ""}\n`).join("\n");
}
