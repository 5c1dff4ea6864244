import type { ComponentChildren } from "preact";
import { usePageId } from "../../model/ids";
import { Badge } from "../base/Badge";
import { classes } from "../base/classes";
import { Notice } from "../base/Notice";
import { SafeText } from "../base/SafeText";
import { Standing } from "./Standing";
import type { Switched } from "./steering";

interface CardFrameProps {
  /** What the card is: "Instruction 3". */
  readonly title: string;
  readonly card: Switched & {
    readonly score: number | null;
    readonly trials: number;
    readonly examples: number;
  };
  readonly baseline: number | null;
  /** Candidates are tried, which they are not where headroom is measured. */
  readonly searched: boolean;
  /** It is part of the best program so far. */
  readonly best: boolean;
  readonly pinned: boolean;
  readonly banned: boolean;
  /** A person has to decide whether it is tried. */
  readonly undecided?: boolean;
  /** Where the candidate comes from, in a word. */
  readonly source: string;
  readonly facts: readonly ComponentChildren[];
  readonly children: ComponentChildren;
  readonly actions: ComponentChildren;
  /** Sentences about what could not be done. */
  readonly errors: readonly (string | null)[];
}

/** What all candidates' cards have: a head, a standing, a body and buttons. */
export function CardFrame({
  title,
  card,
  baseline,
  searched,
  best,
  pinned,
  banned,
  undecided = false,
  source,
  facts,
  children,
  actions,
  errors,
}: CardFrameProps) {
  const id = usePageId();
  return (
    <article
      class={classes("mipro-card", best && "mipro-card--best", banned && "mipro-card--banned")}
      aria-labelledby={id}
    >
      <header class="mipro-card-head">
        <h4 id={id} class="mipro-card-title">
          {title}
        </h4>
        <Badge>{source}</Badge>
        {best && (
          <Badge tone="good" title="Part of the best program so far">
            In the best program
          </Badge>
        )}
        {pinned && <Badge tone="info">Pinned</Badge>}
        {banned && <Badge tone="danger">Banned</Badge>}
        {undecided && <Badge tone="warning">Not decided yet</Badge>}
      </header>
      {facts.length > 0 && (
        <p class="mipro-card-facts">
          {facts.map((fact, place) => (
            <span key={place}>{fact}</span>
          ))}
        </p>
      )}
      {searched && (
        <Standing
          score={card.score}
          baseline={baseline}
          trials={card.trials}
          examples={card.examples}
        />
      )}
      <div class="mipro-card-body">{children}</div>
      {errors.map(
        (error) =>
          error !== null && (
            <Notice key={error} tone="danger">
              <SafeText text={error} />
            </Notice>
          ),
      )}
      <footer class="mipro-card-actions">{actions}</footer>
    </article>
  );
}
