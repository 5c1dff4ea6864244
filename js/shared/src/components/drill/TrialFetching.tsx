import type { Kernel } from "../../model/kernel";
import { Button } from "../base/Button";
import { Notice } from "../base/Notice";
import { SafeText } from "../base/SafeText";
import type { TrialAsked } from "./useTrial";

interface TrialFetchingProps {
  readonly asked: TrialAsked;
  readonly trial: number;
  readonly run: string;
  readonly kernel: Kernel | null;
}

/** What there is to say while a trial's details are not there, or not new. */
export function TrialFetching({ asked, trial, run, kernel }: TrialFetchingProps) {
  if (asked.state === "refused") {
    return (
      <Notice
        tone="danger"
        action={
          <Button kind="quiet" onClick={asked.again}>
            Try again
          </Button>
        }
      >
        <SafeText text={asked.error ?? ""} />
        {asked.value !== null && " What was saved in the notebook is shown."}
      </Notice>
    );
  }
  if (asked.value !== null) {
    return null;
  }
  if (kernel === null) {
    return (
      <Notice>
        The examples of trial {trial} are not saved in this notebook. They are in the record; with a
        kernel, <code>%mipro show {run}</code> opens them.
      </Notice>
    );
  }
  return (
    <p class="mipro-drill-empty" role="status">
      Fetching trial {trial}…
    </p>
  );
}
