/** The order of candidates' cards. */

import { useRef } from "preact/hooks";

export type CardOrder = "score" | "index" | "trials";

export const orders: readonly { readonly value: CardOrder; readonly label: string }[] = [
  { value: "score", label: "Best score first" },
  { value: "index", label: "By number" },
  { value: "trials", label: "Most tried first" },
];

interface Ordered {
  readonly index: number;
  readonly score: number | null;
  readonly trials: number;
}

/** Untried candidates come last; what is alike is by number. */
export function inOrder<Card extends Ordered>(cards: readonly Card[], order: CardOrder): Card[] {
  const rank = (card: Card): number => {
    switch (order) {
      case "score":
        return card.score ?? -1;
      case "trials":
        return card.trials;
      default:
        return 0;
    }
  };
  return [...cards].sort((a, b) => rank(b) - rank(a) || a.index - b.index);
}

/**
 * The cards in order, but not moved about while a person is at work on one of them.
 *
 * `held` asks whether one is. New cards then come last; the answer tells whether any stand otherwise
 * than they would.
 */
export function useSteadyOrder<Card extends Ordered>(
  cards: readonly Card[],
  order: CardOrder,
  held: () => boolean,
): { readonly ordered: readonly Card[]; readonly held: boolean } {
  const last = useRef<{ order: CardOrder; indexes: readonly number[] } | null>(null);
  const wanted = inOrder(cards, order);
  let result = wanted;
  if (last.current?.order === order && held()) {
    const { indexes } = last.current;
    const place = (card: Card): number => {
      const known = indexes.indexOf(card.index);
      return known === -1 ? indexes.length : known;
    };
    result = [...cards].sort((a, b) => place(a) - place(b) || a.index - b.index);
  }
  last.current = { order, indexes: result.map((card) => card.index) };
  const isHeld = result.some((card, place) => card.index !== wanted[place]?.index);
  return { ordered: result, held: isHeld };
}
