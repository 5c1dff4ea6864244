import { Button } from "../base/Button";

interface DecisionButtonsProps {
  /** What is decided about, read aloud: "instruction 3". */
  readonly name: string;
  readonly pending: boolean;
  readonly onApprove: () => void;
  readonly onReject: () => void;
}

/** Whether a new instruction may be tried; editing it is the third choice. */
export function DecisionButtons({ name, pending, onApprove, onReject }: DecisionButtonsProps) {
  return (
    <span class="mipro-card-decision" data-decision>
      <Button kind="primary" icon="check" title="It may be tried" onClick={onApprove}>
        {pending ? "Approving…" : "Approve"} <span class="mipro-only-read">{name}</span>
      </Button>
      <Button icon="ban" title="It is not tried" onClick={onReject}>
        Reject <span class="mipro-only-read">{name}</span>
      </Button>
    </span>
  );
}

/** Have the keyboard go on with the next card that waits, if it was at work on `card`. */
export function focusNextDecision(card: HTMLElement | null): void {
  const { activeElement, body } = document;
  if (card === null || (activeElement !== body && !card.contains(activeElement))) {
    return;
  }
  const view = card.closest(".mipro-candidate-groups") ?? card;
  const next = view.querySelector<HTMLElement>("[data-decision] button");
  (next ?? card.querySelector<HTMLElement>("[data-edit] button"))?.focus();
}
