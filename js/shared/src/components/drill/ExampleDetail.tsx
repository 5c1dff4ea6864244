import { formatDuration } from "../../format";
import type { ExampleRow } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { IconButton } from "../base/Button";
import { Notice } from "../base/Notice";
import { Calls } from "./Calls";
import { ClipText } from "./ClipText";
import { Fields } from "./Fields";
import { ReplyNotes } from "./ReplyNotes";
import { ReplyRatingForm } from "./ReplyRatingForm";
import { RowFields } from "./RowFields";
import type { Ratings } from "./useRatings";
import { VerdictMark } from "./VerdictMark";

interface ExampleDetailProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly trial: number;
  readonly row: ExampleRow;
  readonly rate: Ratings["rate"];
  /** Why its reply cannot be rated; null where it can, or that is plain. */
  readonly unrateable: string | null;
  readonly onClose: () => void;
}

/** One example in full: what went in, what was to come out, what did, and the calls behind it. */
export function ExampleDetail({
  kernel,
  run,
  trial,
  row,
  rate,
  unrateable,
  onClose,
}: ExampleDetailProps) {
  const name = `example ${row.example}`;
  const shown = { kernel, run };
  return (
    <section class="mipro-example" aria-label={`Example ${row.example}`}>
      <header class="mipro-example-head">
        <h4>Example {row.example}</h4>
        <VerdictMark row={row} />
        <span class="mipro-muted">
          {row.seconds !== null && formatDuration(row.seconds)}
          {row.scored_by !== trial && ` · scored before, in trial ${row.scored_by}`}
        </span>
        <IconButton icon="close" label={`Close ${name}`} onClick={onClose} />
      </header>
      {row.error !== null && (
        <Notice tone="danger">
          <ClipText clip={row.error} name={`the error of ${name}`} {...shown} />
        </Notice>
      )}
      <div class="mipro-example-columns">
        <RowFields row={row} name={name} {...shown} />
        <div>
          <h5>Prediction</h5>
          {row.prediction === null ? (
            <p class="mipro-text-empty">
              {row.error === null ? "Not there yet." : "There is none."}
            </p>
          ) : (
            <Fields fields={row.prediction} name={`the prediction of ${name}`} {...shown} />
          )}
          <ReplyNotes notes={row.notes} name={name} {...shown} />
        </div>
      </div>
      {row.feedback !== null && (
        <div class="mipro-example-feedback">
          <h5>Feedback of the metric</h5>
          <ClipText clip={row.feedback} name={`the feedback of ${name}`} {...shown} />
        </div>
      )}
      <ReplyRatingForm key={row.example} row={row} rate={rate} unrateable={unrateable} />
      <Calls kernel={kernel} run={run} trial={trial} example={row.example} />
    </section>
  );
}
