import type { ExampleRow, ReplyDetail } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { SafeText } from "../base/SafeText";
import { ClipText } from "./ClipText";
import { Fields } from "./Fields";
import { RatingMark } from "./RatingMark";
import { ReplyNotes } from "./ReplyNotes";
import { VerdictMark } from "./VerdictMark";

interface PredictedProps {
  readonly reply: ReplyDetail & Pick<ExampleRow, "rating">;
  /** Which trial or program it is of: "Trial 4". */
  readonly by: string;
  /** Whose reply it is, read aloud: "example 2 in trial 4". */
  readonly name: string;
  readonly kernel: Kernel | null;
  readonly run: string;
}

/** What one of two programs made of a row, beside what the other did. */
export function Predicted({ reply, by, name, ...shown }: PredictedProps) {
  return (
    <div>
      <h5>
        {by} <VerdictMark row={reply} />
      </h5>
      {reply.prediction !== null && (
        <Fields fields={reply.prediction} name={`the prediction of ${name}`} {...shown} />
      )}
      <ReplyNotes notes={reply.notes} name={name} {...shown} />
      {reply.rating && (
        <p>
          <RatingMark rating={reply.rating} /> <SafeText text={reply.rating.reason.text} />
        </p>
      )}
      {reply.error !== null && (
        <ClipText clip={reply.error} name={`the error of ${name}`} {...shown} />
      )}
      {reply.feedback !== null && (
        <div class="mipro-example-feedback">
          <h6>Feedback of the metric</h6>
          <ClipText clip={reply.feedback} name={`the feedback of ${name}`} {...shown} />
        </div>
      )}
    </div>
  );
}
