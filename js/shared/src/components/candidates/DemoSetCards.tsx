import { useState } from "preact/hooks";
import type { DemoSetCard, RunSummary } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { variableOf } from "../../model/words";
import { Button } from "../base/Button";
import { counted } from "../drill/counted";
import { DemoList } from "../drill/DemoList";
import { byPredictor, CandidateSection } from "./CandidateSection";
import { CardFrame } from "./CardFrame";
import { SteerButtons } from "./SteerButtons";
import { useSwitch } from "./steering";

interface DemoSetCardsProps {
  readonly kernel: Kernel | null;
  readonly summary: RunSummary;
  readonly cards: readonly DemoSetCard[];
}

/** All demo sets, by predictor. */
export function DemoSetCards({ kernel, summary, cards }: DemoSetCardsProps) {
  const groups = byPredictor(summary.predictors, cards);
  return (
    <div class="mipro-candidate-groups">
      {groups.map(([predictor, ofPredictor]) => (
        <CandidateSection
          key={predictor}
          predictor={predictor}
          signature={summary.predictors[predictor]}
          named={groups.length > 1}
          things="demo sets"
          cards={ofPredictor}
          draw={(card) => <DemoSetCardView kernel={kernel} summary={summary} card={card} />}
        />
      ))}
    </div>
  );
}

const sources = { empty: "No demos", labelled: "Labelled", bootstrapped: "Bootstrapped" } as const;

interface DemoSetCardViewProps {
  readonly kernel: Kernel | null;
  readonly summary: RunSummary;
  readonly card: DemoSetCard;
}

function DemoSetCardView({ kernel, summary, card }: DemoSetCardViewProps) {
  const name = `demo set ${card.index}`;
  const pin = useSwitch(kernel, summary.id, "demos", card, "pin");
  const ban = useSwitch(kernel, summary.id, "demos", card, "ban");
  const [all, setAll] = useState(false);
  const hidden = card.demos - card.preview.length;

  return (
    <CardFrame
      title={`Demo set ${card.index}`}
      card={card}
      baseline={summary.baseline}
      searched={!summary.measured_rows}
      best={summary.best?.configuration[variableOf(card.predictor, "demos")] === card.index}
      pinned={pin.on}
      banned={ban.on}
      source={sources[card.source]}
      facts={
        card.demos === 0
          ? []
          : [
              counted(card.demos, "demo"),
              card.bootstrapped > 0 && `${card.bootstrapped} bootstrapped`,
              card.labelled > 0 && `${card.labelled} labelled`,
            ].filter((fact) => fact !== false)
      }
      errors={[pin.error, ban.error]}
      actions={
        <>
          {hidden > 0 && kernel !== null && (
            <Button kind="quiet" expanded={all} onClick={() => setAll(!all)}>
              {all ? "Show fewer" : `Show all ${counted(card.demos, "demo")}`}{" "}
              <span class="mipro-only-read">of {name}</span>
            </Button>
          )}
          {kernel !== null && summary.steerable && (
            <span class="mipro-card-steer">
              <SteerButtons pin={pin} ban={ban} name={name} />
            </span>
          )}
        </>
      }
    >
      {card.demos === 0 ? (
        <p class="mipro-muted">The prompt has the instruction alone.</p>
      ) : (
        <DemoList
          kernel={kernel}
          run={summary.id}
          card={card}
          all={all}
          name={name}
          rows={all ? 12 : 4}
        />
      )}
    </CardFrame>
  );
}
