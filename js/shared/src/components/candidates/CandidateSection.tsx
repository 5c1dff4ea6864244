import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { Select } from "../base/Field";
import { holdsFocus } from "../base/focus";
import { SafeText } from "../base/SafeText";
import { type CardOrder, orders, useSteadyOrder } from "./order";
import type { Switched } from "./steering";

type Card = Switched & { readonly score: number | null; readonly trials: number };

interface CandidateSectionProps<C extends Card> {
  readonly predictor: string;
  readonly signature: string | undefined;
  /** Whether the predictor has to be told from others. */
  readonly named: boolean;
  /** What its cards are, in the plural: "instructions". */
  readonly things: string;
  readonly cards: readonly C[];
  readonly draw: (card: C) => ComponentChildren;
  /** Before the choice of the order. */
  readonly toolbar?: ComponentChildren;
  /** Above the cards. */
  readonly children?: ComponentChildren;
}

/** The candidates of one predictor. */
export function CandidateSection<C extends Card>({
  predictor,
  signature,
  named,
  things,
  cards,
  draw,
  toolbar,
  children,
}: CandidateSectionProps<C>) {
  const list = useRef<HTMLUListElement>(null);
  const [order, setOrder] = useState<CardOrder>("score");
  const { ordered, held } = useSteadyOrder(cards, order, () => holdsFocus(list.current));
  const pinned = cards.filter((card) => card.pinned).length;
  const banned = cards.filter((card) => card.banned).length;

  return (
    <section class="mipro-candidates" aria-label={named ? `${things} of ${predictor}` : things}>
      <div class="mipro-candidates-head">
        {named && (
          <h3>
            <SafeText text={predictor} />
            {signature && (
              <span class="mipro-candidates-signature">
                <SafeText text={signature} />
              </span>
            )}
          </h3>
        )}
        <p class="mipro-candidates-count">{summaryOf(cards.length, pinned, banned, things)}</p>
        <div class="mipro-candidates-tools">
          <Select
            label={`Order of the ${things}`}
            value={order}
            options={orders}
            onChange={setOrder}
          />
          {toolbar}
        </div>
      </div>
      {children}
      {held && (
        <p class="mipro-muted mipro-small">The order stays as it is while you work on a card.</p>
      )}
      <ul class="mipro-cards" ref={list}>
        {ordered.map((card) => (
          <li key={card.index}>{draw(card)}</li>
        ))}
      </ul>
    </section>
  );
}

function summaryOf(count: number, pinned: number, banned: number, things: string): string {
  const parts = [`${count} ${count === 1 ? things.replace(/s$/, "") : things}`];
  if (pinned > 0) {
    parts.push(`${pinned} pinned: only ${pinned === 1 ? "this one is" : "these are"} tried`);
  }
  if (banned > 0) {
    parts.push(`${banned} banned`);
  }
  return parts.join(" · ");
}

/** The cards by predictor, in the order in which the program has them. */
export function byPredictor<C extends { readonly predictor: string }>(
  predictors: Readonly<Record<string, string>>,
  cards: readonly C[],
): readonly (readonly [predictor: string, cards: readonly C[]])[] {
  const groups = new Map<string, C[]>(Object.keys(predictors).map((name) => [name, []]));
  for (const card of cards) {
    const group = groups.get(card.predictor);
    if (group === undefined) {
      groups.set(card.predictor, [card]);
    } else {
      group.push(card);
    }
  }
  return [...groups];
}
