import { useMemo, useState } from "preact/hooks";
import { formatCount } from "../../format";
import type { Clip } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Button } from "../base/Button";
import { memo } from "../base/memo";
import { SafeText } from "../base/SafeText";
import { type Change, changesBetween, folded } from "./changes";
import { isCut, useWholeTexts } from "./cutTexts";

/** Unchanged lines that are shown around a change. */
const CONTEXT = 3;
/** Characters of each text that are compared; a page bears no more at once. */
const MOST = 50_000;

interface TextDiffProps {
  readonly before: string;
  readonly after: string;
  /** What is compared, read aloud: "changes from instruction 0 to 3". */
  readonly name: string;
  /** There is more of the texts than is compared here. */
  readonly cut?: boolean;
}

/** What changed from one text to another, in words, crossed out and underlined. */
export const TextDiff = memo(DrawnTextDiff);

function DrawnTextDiff({ before, after, name, cut = false }: TextDiffProps) {
  const changes = useMemo(
    () => folded(changesBetween(before.slice(0, MOST), after.slice(0, MOST)), CONTEXT),
    [before, after],
  );
  const [unfolded, setUnfolded] = useState<ReadonlySet<Change>>(new Set());
  if (before === after) {
    return <p class="mipro-text-empty">No difference{cut && " so far"}.</p>;
  }
  return (
    <section
      class="mipro-text mipro-diff"
      aria-label={name}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: in a card it scrolls, which keys must do too
      tabIndex={0}
    >
      {changes.map((change, place) => {
        const text = <SafeText text={change.text} />;
        switch (change.kind) {
          case "removed":
            return (
              <del key={place} class="mipro-removed">
                <span class="mipro-only-read">removed: </span>
                {text}
              </del>
            );
          case "added":
            return (
              <ins key={place} class="mipro-added">
                <span class="mipro-only-read">added: </span>
                {text}
              </ins>
            );
          case "folded":
            return unfolded.has(change) ? (
              <span key={place}>{text}</span>
            ) : (
              <span key={place} class="mipro-diff-fold">
                <Button
                  kind="quiet"
                  expanded={false}
                  onClick={() => setUnfolded(new Set([...unfolded, change]))}
                >
                  {change.lines} unchanged lines
                </Button>
              </span>
            );
          default:
            return <span key={place}>{text}</span>;
        }
      })}
      {cut && <span class="mipro-muted"> …</span>}
      {(before.length > MOST || after.length > MOST) && (
        <p class="mipro-cliptext-note">
          Only the first {formatCount(MOST)} characters are compared.
        </p>
      )}
    </section>
  );
}

interface ClipDiffProps {
  readonly before: readonly Clip[];
  readonly after: readonly Clip[];
  /** One text of each side's, for the whole texts in their order. */
  readonly join: (texts: readonly string[], side: "before" | "after") => string;
  readonly name: string;
  readonly kernel: Kernel | null;
  readonly run: string;
}

/** The difference of texts that may have been cut: their wholes are fetched where that is possible. */
export function ClipDiff({ before, after, join, name, kernel, run }: ClipDiffProps) {
  const clips = [...before, ...after];
  const wholes = useWholeTexts(kernel, run, clips);
  const whole = wholes?.value ?? null;
  const texts = whole ?? clips.map((clip) => clip.text);
  // What was not kept is not in the whole either.
  const cut = clips.filter((clip) => isCut(clip) && (whole === null || clip.more === null));
  return (
    <>
      {cut.length > 0 && (
        <p class="mipro-cliptext-note" role="status">
          {wholes?.state === "asking"
            ? "Fetching the whole texts; their beginnings are compared so far."
            : "Only the beginnings are compared, for the texts were cut"}
          {wholes?.state !== "asking" && <Rest clips={cut} kernel={kernel} run={run} />}
          {wholes?.error && <SafeText text={` ${wholes.error}`} />}
        </p>
      )}
      <TextDiff
        before={join(texts.slice(0, before.length), "before")}
        after={join(texts.slice(before.length), "after")}
        name={name}
        cut={cut.length > 0}
      />
    </>
  );
}

interface RestProps {
  readonly clips: readonly Clip[];
  readonly kernel: Kernel | null;
  readonly run: string;
}

/** Where the rest of cut texts is to be had, to end a sentence. */
function Rest({ clips, kernel, run }: RestProps) {
  if (clips.every((clip) => clip.more === null)) {
    return <>; the rest was not kept.</>;
  }
  return kernel === null ? (
    <>
      ; the rest is in the record: <code>%mipro show {run}</code>
    </>
  ) : (
    <>.</>
  );
}
