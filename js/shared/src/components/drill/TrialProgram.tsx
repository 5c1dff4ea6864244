import { CopyButton } from "./CopyButton";

interface TrialProgramProps {
  readonly run: string;
  readonly trial: number;
}

/** The line that makes a trial's program of the student, whether the run returned it or not. */
export function TrialProgram({ run, trial }: TrialProgramProps) {
  const line = `program.load_state(mipro_nb.runs.load("${run}").program_state(${trial}))`;
  return (
    <p class="mipro-muted">
      To use this program: <code>{line}</code>{" "}
      <CopyButton
        name={`the line that gives the program of trial ${trial}`}
        text={async () => line}
      />
    </p>
  );
}
