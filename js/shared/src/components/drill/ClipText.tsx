import { useMemo, useState } from "preact/hooks";
import { formatCount } from "../../format";
import type { Clip } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { firstRows } from "../../text";
import { Button } from "../base/Button";
import { memo } from "../base/memo";
import { SafeText } from "../base/SafeText";
import { useAction } from "./asking";
import { CopyButton } from "./CopyButton";
import { isCut, wholeText } from "./cutTexts";
import { WholeText } from "./WholeText";

interface ClipTextProps {
  readonly clip: Clip;
  /** What the text is, read aloud with its buttons: "instruction 3". */
  readonly name: string;
  readonly kernel: Kernel | null;
  readonly run: string;
  /** Rows shown before the rest is folded away. */
  readonly rows?: number;
  /** Whether it has a button of its own to copy it. */
  readonly copy?: boolean;
}

/** A text that nobody vouches for, as text; the whole of a long one is fetched when asked for. */
export const ClipText = memo(DrawnClipText);

function DrawnClipText({ clip, name, kernel, run, rows = 12, copy = false }: ClipTextProps) {
  const [unfolded, setUnfolded] = useState(false);
  const [whole, setWhole] = useState<{ of: Clip["more"]; text: string; shown: boolean } | null>(
    null,
  );
  const fetching = useAction();
  const beginning = useMemo(() => firstRows(clip.text, rows), [clip.text, rows]);
  const fetched = whole !== null && whole.of === clip.more ? whole : null;
  const size = formatCount(clip.characters);

  function showWhole(): void {
    if (fetched !== null) {
      setWhole({ ...fetched, shown: true });
      return;
    }
    void fetching.start(async () => {
      setWhole({ of: clip.more, text: await wholeText(kernel, run, clip), shown: true });
    });
  }

  if (clip.text === "") {
    return <span class="mipro-text-empty">empty</span>;
  }
  if (fetched?.shown) {
    return (
      <div class="mipro-cliptext">
        <WholeText text={fetched.text} name={name} />
        <div class="mipro-cliptext-buttons">
          <Button kind="quiet" expanded onClick={() => setWhole({ ...fetched, shown: false })}>
            Show less <span class="mipro-only-read">of {name}</span>
          </Button>
          {copy && <CopyButton name={name} text={async () => fetched.text} />}
        </div>
      </div>
    );
  }
  const foldable = beginning.length < clip.text.length;
  const shown = unfolded ? clip.text : beginning;
  const cutHere = isCut(clip) && (unfolded || !foldable);
  return (
    <div class="mipro-cliptext">
      <div class="mipro-text" dir="auto">
        <SafeText
          text={cutHere || shown.length < clip.text.length ? `${shown.trimEnd()} …` : shown}
        />
      </div>
      {(foldable || isCut(clip) || copy) && (
        <div class="mipro-cliptext-buttons">
          {foldable && (
            <Button kind="quiet" expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>
              {unfolded ? "Show less" : "Show more"} <span class="mipro-only-read">of {name}</span>
            </Button>
          )}
          {clip.more !== null && kernel !== null && (
            <Button kind="quiet" onClick={showWhole}>
              {fetching.pending ? "Fetching…" : `Show all (${size} characters)`}{" "}
              <span class="mipro-only-read">of {name}</span>
            </Button>
          )}
          {copy && <CopyButton name={name} text={() => wholeText(kernel, run, clip)} />}
        </div>
      )}
      {clip.more !== null && kernel === null && (
        <p class="mipro-cliptext-note">
          The beginning of {size} characters; the rest is in the record:{" "}
          <code>%mipro show {run}</code>
        </p>
      )}
      {clip.more === null && isCut(clip) && (
        <p class="mipro-cliptext-note">
          The beginning of {size} characters; the rest was not kept.
        </p>
      )}
      {fetching.error !== null && (
        <p class="mipro-cliptext-note" role="alert">
          <SafeText text={fetching.error} />
        </p>
      )}
    </div>
  );
}
