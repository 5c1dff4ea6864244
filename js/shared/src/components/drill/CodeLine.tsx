import { SafeText } from "../base/SafeText";
import { CopyButton } from "./CopyButton";

interface CodeLineProps {
  readonly code: string;
  /** What it is, read aloud with the button that copies it. */
  readonly name: string;
}

/** A line of code to be copied; a long one scrolls, for an id that is broken in two cannot be read. */
export function CodeLine({ code, name }: CodeLineProps) {
  return (
    <span class="mipro-codeline">
      <code>
        <SafeText text={code} />
      </code>
      <CopyButton name={name} text={async () => code} />
    </span>
  );
}
