import type { TrialDetail } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { SafeText } from "../base/SafeText";
import { Messages } from "./Messages";

interface PromptsProps {
  readonly prompts: TrialDetail["prompts"];
  readonly kernel: Kernel | null;
  readonly run: string;
}

/** What was sent to the LM in a trial, for one example of each predictor. */
export function Prompts({ prompts, kernel, run }: PromptsProps) {
  if (prompts.length === 0) {
    return <p class="mipro-drill-empty">No prompt was sent in this trial yet.</p>;
  }
  return (
    <div class="mipro-prompts">
      {prompts.map(({ predictor, example, messages }) => (
        <section key={predictor} class="mipro-prompt">
          <h4>
            <SafeText text={predictor} />
            {example !== null && (
              <span class="mipro-muted"> as it was sent for example {example}</span>
            )}
          </h4>
          <Messages
            messages={messages}
            name={`the prompt of ${predictor}`}
            kernel={kernel}
            run={run}
            rows={20}
          />
        </section>
      ))}
    </div>
  );
}
