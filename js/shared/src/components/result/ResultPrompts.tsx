import { useState } from "preact/hooks";
import type { DemoSetCard, ResultView } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Button } from "../base/Button";
import { SafeText } from "../base/SafeText";
import { ClipText } from "../drill/ClipText";
import { counted } from "../drill/counted";
import { DemoList } from "../drill/DemoList";
import { ClipDiff } from "../drill/TextDiff";

type ResultPrompt = ResultView["prompts"][number];

interface ResultPromptsProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly prompts: readonly ResultPrompt[];
  readonly demoSets: readonly DemoSetCard[];
}

/** For each predictor, what became of its instruction, and its demos. */
export function ResultPrompts({ kernel, run, prompts, demoSets }: ResultPromptsProps) {
  return (
    <>
      {prompts.map((prompt) => (
        <section key={prompt.predictor} class="mipro-result-prompt">
          <h4>
            <SafeText text={prompt.predictor} />
          </h4>
          <Instruction kernel={kernel} run={run} prompt={prompt} />
          <Demos kernel={kernel} run={run} prompt={prompt} demoSets={demoSets} />
        </section>
      ))}
    </>
  );
}

interface PromptProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly prompt: ResultPrompt;
}

function Instruction({ kernel, run, prompt }: PromptProps) {
  const { predictor, before, after, instruction } = prompt;
  if (instruction === null) {
    return (
      <>
        <p class="mipro-muted mipro-small">The instruction is yours, unchanged.</p>
        <ClipText
          clip={after}
          name={`instruction of ${predictor}`}
          kernel={kernel}
          run={run}
          rows={6}
        />
      </>
    );
  }
  return (
    <div class="mipro-result-instructions">
      <section>
        <h5>Changes from your instruction</h5>
        <ClipDiff
          before={[before]}
          after={[after]}
          join={([text = ""]) => text}
          name={`Changes from your instruction of ${predictor} to the one found`}
          kernel={kernel}
          run={run}
        />
      </section>
      <section>
        <h5>The instruction found</h5>
        <ClipText
          clip={after}
          name={`the instruction found for ${predictor}`}
          kernel={kernel}
          run={run}
          copy
        />
      </section>
    </div>
  );
}

function Demos({
  kernel,
  run,
  prompt,
  demoSets,
}: PromptProps & { readonly demoSets: readonly DemoSetCard[] }) {
  const { predictor, demos, demo_set: index } = prompt;
  const [open, setOpen] = useState(false);
  const card = demoSets.find((each) => each.predictor === predictor && each.index === index);
  if (demos === 0) {
    return <p class="mipro-muted mipro-small">No demos.</p>;
  }
  if (card === undefined) {
    return <p class="mipro-muted mipro-small">{counted(demos, "demo")}, as in your program.</p>;
  }
  return (
    <div>
      <Button
        kind="quiet"
        icon={open ? "chevronDown" : "chevronRight"}
        expanded={open}
        onClick={() => setOpen(!open)}
      >
        {counted(demos, "demo")} <span class="mipro-only-read">of {predictor}</span>
      </Button>
      {open && <DemoList kernel={kernel} run={run} card={card} all name={predictor} rows={4} />}
    </div>
  );
}
