import type { ReplyRating } from "../../generated/view-model";
import { Icon } from "../base/Icon";

export const ratingNames = { good: "Good", bad: "Bad" } as const;
export const ratingIcons = { good: "thumbUp", bad: "thumbDown" } as const;

/** What a person thinks of a reply, in a word and a sign. */
export function RatingMark({ rating }: { readonly rating: ReplyRating | undefined }) {
  if (rating === undefined) {
    return <span class="mipro-muted">–</span>;
  }
  return (
    <span class={`mipro-rating mipro-rating--${rating.rating}`}>
      <Icon name={ratingIcons[rating.rating]} />
      {ratingNames[rating.rating]}
    </span>
  );
}

/** A rating as the text of a cell in a file. */
export function ratingText(rating: ReplyRating | undefined): string {
  if (rating === undefined) {
    return "";
  }
  return [rating.rating, rating.reason.text].filter(Boolean).join(": ");
}
