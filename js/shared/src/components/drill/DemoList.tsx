import type { Clip, DemoSetCard } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { SafeText } from "../base/SafeText";
import { useAnswer } from "./asking";
import { counted } from "./counted";
import { Fields } from "./Fields";

type Demo = Readonly<Record<string, Clip>>;

interface DemoListProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly card: DemoSetCard;
  /** All are wanted, not only those that came with the card. */
  readonly all: boolean;
  /** What the demos are of, read aloud. */
  readonly name: string;
  /** Rows of a value that are shown before the rest is folded away. */
  readonly rows: number;
}

/** The demos of a set: those that came with its card, and all once they are fetched. */
export function DemoList({ kernel, run, card, all, name, rows }: DemoListProps) {
  const { predictor, index, preview } = card;
  const hidden = card.demos - preview.length;
  const [asked] = useAnswer<readonly Demo[]>(
    all && hidden > 0 && kernel !== null
      ? () => kernel.ask("demos", { run, predictor, index })
      : null,
    `${run} ${predictor} ${index}`,
  );
  const shown = (all && asked?.value) || preview;
  const refused = all && asked?.error ? asked.error : null;
  return (
    <>
      <ol class="mipro-demos">
        {shown.map((demo, place) => (
          <li key={place}>
            <Fields
              fields={demo}
              name={`demo ${place + 1} of ${name}`}
              kernel={kernel}
              run={run}
              rows={rows}
            />
          </li>
        ))}
      </ol>
      {all && asked?.state === "asking" && (
        <p class="mipro-cliptext-note" role="status">
          Fetching {counted(hidden, "more demo")}…
        </p>
      )}
      {hidden > 0 && (kernel === null || refused !== null) && (
        <p class="mipro-cliptext-note">
          {counted(hidden, "more demo")}: <code>%mipro show {run}</code>
        </p>
      )}
      {refused !== null && (
        <p class="mipro-cliptext-note" role="alert">
          <SafeText text={refused} />
        </p>
      )}
    </>
  );
}
