import { useEffect, useRef, useState } from "preact/hooks";
import type { InstructionCard, RunSummary } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { variableOf } from "../../model/words";
import { Button } from "../base/Button";
import { Checkbox } from "../base/Field";
import { SafeText } from "../base/SafeText";
import { useAction } from "../drill/asking";
import { ClipText } from "../drill/ClipText";
import { CopyButton } from "../drill/CopyButton";
import { wholeText } from "../drill/cutTexts";
import { ClipDiff } from "../drill/TextDiff";
import { CardFrame } from "./CardFrame";
import { DecisionButtons, focusNextDecision } from "./DecisionButtons";
import { InstructionForm } from "./InstructionForm";
import { SteerButtons } from "./SteerButtons";
import { useSwitch } from "./steering";

interface InstructionCardViewProps {
  readonly kernel: Kernel | null;
  readonly summary: RunSummary;
  readonly card: InstructionCard;
  /** The student's own instruction of the same predictor. */
  readonly student: InstructionCard | null;
  /** All instructions of the predictor. */
  readonly others: readonly InstructionCard[];
  readonly onAdded: (index: number, replaces: boolean) => void;
}

const sources = {
  student: "Yours",
  proposed: "Proposed",
  repaired: "Repaired",
  user: "By hand",
} as const;

export function InstructionCardView({
  kernel,
  summary,
  card,
  student,
  others,
  onAdded,
}: InstructionCardViewProps) {
  const name = `instruction ${card.index}`;
  const pin = useSwitch(kernel, summary.id, "instruction", card, "pin");
  const ban = useSwitch(kernel, summary.id, "instruction", card, "ban");
  const [approved, setApproved] = useState(false);
  const undecided = card.undecided === true && !ban.on && !approved;
  // Who has to decide sees at once what is new.
  const [comparing, setComparing] = useState(undecided);
  const [replaces, setReplaces] = useState(true);
  const [draft, setDraft] = useState<string | null>(null);
  const opening = useAction();
  const adding = useAction();
  const approving = useAction();
  const root = useRef<HTMLDivElement>(null);
  const closed = useRef(false);
  const decided = useRef(false);
  const steerable = kernel !== null && summary.steerable;
  const origin =
    card.based_on === null ? student : others.find(({ index }) => index === card.based_on);
  const before = card.source === "student" ? null : (origin ?? student);
  const whose = before === student ? "yours" : `instruction ${card.based_on}`;

  useEffect(() => {
    if (draft === null && closed.current) {
      closed.current = false;
      root.current?.querySelector<HTMLElement>("[data-edit] button")?.focus();
    }
  }, [draft]);

  useEffect(() => {
    if (!undecided && decided.current) {
      decided.current = false;
      focusNextDecision(root.current);
    }
  }, [undecided]);

  function approve(): void {
    const { predictor, index } = card;
    decided.current = true;
    void approving.start(async () => {
      await kernel?.ask("approve", { run: summary.id, predictor, index });
      setApproved(true);
    });
  }

  function reject(): void {
    decided.current = true;
    ban.toggle();
  }

  function edit(): void {
    void opening.start(async () => setDraft(await wholeText(kernel, summary.id, card.instruction)));
  }

  function close(): void {
    closed.current = true;
    adding.forget();
    setDraft(null);
  }

  function add(instruction: string): void {
    const { predictor, index } = card;
    void adding.start(async () => {
      const ask = { run: summary.id, predictor, instruction, based_on: index, replaces };
      const added = await kernel?.ask("add", ask);
      close();
      if (added !== undefined) {
        onAdded(added.index, replaces);
      }
    });
  }

  return (
    <div ref={root}>
      <CardFrame
        title={`Instruction ${card.index}`}
        card={card}
        baseline={summary.baseline}
        searched={!summary.measured_rows}
        best={summary.best?.configuration[variableOf(card.predictor, "instruction")] === card.index}
        pinned={pin.on}
        banned={ban.on}
        source={sources[card.source]}
        facts={facts(card)}
        undecided={undecided}
        errors={[pin.error, ban.error, opening.error, approving.error]}
        actions={
          draft === null && (
            <>
              {before !== null && (
                <Button
                  kind="quiet"
                  icon="compare"
                  pressed={comparing}
                  title={
                    before === student
                      ? "What changed from the student’s instruction"
                      : `What changed from ${whose}`
                  }
                  onClick={() => setComparing(!comparing)}
                >
                  Diff{" "}
                  <span class="mipro-only-read">
                    of {name} to {whose}
                  </span>
                </Button>
              )}
              <CopyButton
                name={name}
                text={() => wholeText(kernel, summary.id, card.instruction)}
              />
              {steerable && (
                <>
                  <span data-edit>
                    <Button
                      kind="quiet"
                      icon="edit"
                      title="Write another instruction that takes the place of this one"
                      onClick={edit}
                    >
                      Edit <span class="mipro-only-read">{name}</span>
                    </Button>
                  </span>
                  <span class="mipro-card-steer">
                    {undecided ? (
                      <DecisionButtons
                        name={name}
                        pending={approving.pending}
                        onApprove={approve}
                        onReject={reject}
                      />
                    ) : (
                      <SteerButtons pin={pin} ban={ban} name={name} />
                    )}
                  </span>
                </>
              )}
            </>
          )
        }
      >
        {draft !== null ? (
          <InstructionForm
            label={`${replaces ? "In the place of" : "Beside"} instruction ${card.index}`}
            initial={draft}
            submit="Add as a new one"
            taken={others.map(({ index, instruction }) => ({ index, text: instruction.text }))}
            action={adding}
            onSubmit={add}
            onCancel={close}
          >
            <Checkbox
              label={`Stop trying instruction ${card.index}`}
              checked={replaces}
              onChange={setReplaces}
            />
          </InstructionForm>
        ) : comparing && before !== null ? (
          <ClipDiff
            before={[before.instruction]}
            after={[card.instruction]}
            join={(texts) => texts.join("")}
            name={`Changes from ${before === student ? "your instruction" : whose} to ${name}`}
            kernel={kernel}
            run={summary.id}
          />
        ) : (
          <ClipText clip={card.instruction} name={name} kernel={kernel} run={summary.id} />
        )}
      </CardFrame>
    </div>
  );
}

function lineage({ source, evidence = [] }: InstructionCard, parent: number): string {
  return source === "repaired"
    ? `Repaired from instruction ${parent}, by training rows ${evidence.join(", ")}`
    : `Edited from instruction ${parent}`;
}

function facts(card: InstructionCard) {
  return [
    card.tip !== null && (
      <>
        Tip: <SafeText text={card.tip} />
      </>
    ),
    card.demo_set !== null && `Written after seeing demo set ${card.demo_set}`,
    card.based_on !== null && lineage(card, card.based_on),
  ].filter((fact) => fact !== false);
}
