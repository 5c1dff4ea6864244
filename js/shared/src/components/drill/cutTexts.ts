/** Getting the whole of texts that were cut. */

import type { Clip } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { countCharacters } from "../../text";
import { type Asked, useAnswer } from "./asking";

/** The whole of one text; asks the kernel where only the beginning is here. */
export async function wholeText(kernel: Kernel | null, run: string, clip: Clip): Promise<string> {
  if (clip.more === null) {
    return clip.text;
  }
  if (kernel === null) {
    throw new Error(
      `Only the beginning is here; run %mipro show ${run} in a notebook for the rest.`,
    );
  }
  return kernel.ask("text", { run, more: clip.more });
}

/** Whether there is more of a text than what came. */
export function isCut(clip: Clip): boolean {
  return clip.more !== null || clip.characters > countCharacters(clip.text);
}

/** The whole of several texts, in their order; null while nothing has to be asked. */
export function useWholeTexts(
  kernel: Kernel | null,
  run: string,
  clips: readonly Clip[],
): Asked<readonly string[]> | null {
  const cut = clips.some((clip) => clip.more !== null);
  const [asked] = useAnswer(
    cut && kernel !== null
      ? () => Promise.all(clips.map((clip) => wholeText(kernel, run, clip)))
      : null,
    JSON.stringify([run, clips.map((clip) => clip.more ?? clip.text)]),
  );
  return asked;
}
