import { useEffect, useState } from "preact/hooks";
import type { ExampleRow, ReplyRating } from "../../generated/view-model";
import { Button } from "../base/Button";
import { TextField } from "../base/Field";
import { SafeText } from "../base/SafeText";
import { RatingMark, ratingIcons, ratingNames } from "./RatingMark";
import type { Ratings } from "./useRatings";

interface ReplyRatingFormProps {
  readonly row: ExampleRow;
  /** Null where replies cannot be rated. */
  readonly rate: Ratings["rate"];
  /** Why they cannot; null where that is plain. */
  readonly unrateable: string | null;
}

const both = ["good", "bad"] as const;

/** What a person thinks of a reply, and why; where it can be rated, with what does that. */
export function ReplyRatingForm({ row, rate, unrateable }: ReplyRatingFormProps) {
  const { rating } = row;
  const kept = rating?.reason.text ?? "";
  const [reason, setReason] = useState(kept);
  useEffect(() => setReason(kept), [kept]);
  if (row.prediction === null || (rate === null && rating === undefined && unrateable === null)) {
    return null;
  }

  function press(wanted: ReplyRating["rating"]): void {
    if (rating?.rating === wanted) {
      rate?.(row, null, "");
    } else {
      // The reason for one rating is not that for another.
      rate?.(row, wanted, reason === kept ? "" : reason);
    }
  }

  return (
    <div class="mipro-example-rating">
      <h5>Your rating</h5>
      {rate === null ? (
        <>
          {rating !== undefined && <RatingMark rating={rating} />} <SafeText text={kept} />
          {unrateable !== null && <p class="mipro-muted">{unrateable}</p>}
        </>
      ) : (
        <form
          class="mipro-rating-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (rating !== undefined) {
              rate(row, rating.rating, reason);
            }
          }}
        >
          {both.map((each) => (
            <Button
              key={each}
              icon={ratingIcons[each]}
              pressed={rating?.rating === each}
              title={rating?.rating === each ? "Withdraw this rating" : `Rate this reply ${each}`}
              onClick={() => press(each)}
            >
              {ratingNames[each]}
            </Button>
          ))}
          <TextField
            label="Reason"
            hideLabel
            placeholder="Reason, if you like"
            value={reason}
            onInput={setReason}
          />
          <Button type="submit" disabled={rating === undefined || reason.trim() === kept}>
            Save reason
          </Button>
        </form>
      )}
    </div>
  );
}
