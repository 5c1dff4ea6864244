import { useEffect, useRef, useState } from "preact/hooks";
import type { InstructionCard, RunSummary } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Button } from "../base/Button";
import { Notice } from "../base/Notice";
import { SafeText } from "../base/SafeText";
import { useAction } from "../drill/asking";
import { byPredictor, CandidateSection } from "./CandidateSection";
import { InstructionCardView } from "./InstructionCardView";
import { InstructionForm } from "./InstructionForm";

interface InstructionCardsProps {
  readonly kernel: Kernel | null;
  readonly summary: RunSummary;
  readonly cards: readonly InstructionCard[];
}

/** All instruction candidates, by predictor; with a kernel they steer the search while it runs. */
export function InstructionCards({ kernel, summary, cards }: InstructionCardsProps) {
  const groups = byPredictor(summary.predictors, cards);
  return (
    <div class="mipro-candidate-groups">
      {summary.approval && <WaitingNotice kernel={kernel} summary={summary} />}
      {groups.map(([predictor, ofPredictor]) => (
        <PredictorInstructions
          key={predictor}
          kernel={kernel}
          summary={summary}
          predictor={predictor}
          named={groups.length > 1}
          cards={ofPredictor}
        />
      ))}
    </div>
  );
}

/** How many instructions wait for a decision, and one button for all of them. */
function WaitingNotice({ kernel, summary }: Omit<InstructionCardsProps, "cards">) {
  const approving = useAction();
  function approve(): void {
    void approving.start(async () => {
      await kernel?.ask("approve", { run: summary.id, predictor: null, index: null });
    });
  }
  return (
    <Notice
      tone="warning"
      action={
        kernel !== null && summary.steerable && <Button onClick={approve}>Approve all</Button>
      }
    >
      <SafeText text={[summary.approval, approving.error].filter(Boolean).join(" ")} />
    </Notice>
  );
}

interface PredictorInstructionsProps extends InstructionCardsProps {
  readonly predictor: string;
  readonly named: boolean;
}

function PredictorInstructions({
  kernel,
  summary,
  predictor,
  named,
  cards,
}: PredictorInstructionsProps) {
  const [writing, setWriting] = useState(false);
  const [said, setSaid] = useState("");
  const adding = useAction();
  const closed = useRef(false);
  const opener = useRef<HTMLSpanElement>(null);
  const steerable = kernel !== null && summary.steerable;
  const student = cards.find((card) => card.source === "student") ?? null;

  useEffect(() => {
    if (!writing && closed.current) {
      closed.current = false;
      opener.current?.querySelector("button")?.focus();
    }
  }, [writing]);

  function close(): void {
    closed.current = true;
    adding.forget();
    setWriting(false);
  }

  function add(instruction: string): void {
    void adding.start(async () => {
      const ask = { run: summary.id, predictor, instruction, based_on: null, replaces: false };
      const added = await kernel?.ask("add", ask);
      close();
      if (added !== undefined) {
        setSaid(`Instruction ${added.index} was added.`);
      }
    });
  }

  return (
    <CandidateSection
      predictor={predictor}
      signature={summary.predictors[predictor]}
      named={named}
      things="instructions"
      cards={cards}
      toolbar={
        steerable && (
          <span ref={opener}>
            <Button icon="plus" expanded={writing} onClick={() => setWriting(!writing)}>
              Add my own
            </Button>
          </span>
        )
      }
      draw={(card) => (
        <InstructionCardView
          kernel={kernel}
          summary={summary}
          card={card}
          student={student}
          others={cards}
          onAdded={(index, replaces) =>
            setSaid(
              `Instruction ${index} was added ${replaces ? "in the place of" : "beside"} ` +
                `instruction ${card.index}.`,
            )
          }
        />
      )}
    >
      <p class="mipro-candidates-said" role="status">
        {said}
      </p>
      {steerable && writing && (
        <div class="mipro-card mipro-card--form">
          <InstructionForm
            label="Your instruction"
            initial=""
            submit="Add"
            taken={cards.map(({ index, instruction }) => ({ index, text: instruction.text }))}
            action={adding}
            onSubmit={add}
            onCancel={close}
          />
        </div>
      )}
    </CandidateSection>
  );
}
