/** What changed between two texts, told so that a person can follow it. */

import { type ChangeObject, diffLines, diffWordsWithSpace } from "diff";

export type Change =
  | { readonly kind: "same" | "removed" | "added"; readonly text: string }
  /** Unchanged lines that need not be read. */
  | { readonly kind: "folded"; readonly text: string; readonly lines: number };

/** Differences in more words or lines than this are not sought: the whole is replaced. */
const LIMIT = { maxEditLength: 1500 };

/** Phrases that remain must be this share of the shorter side; else all of the passage is replaced. */
const ENOUGH_IN_COMMON = 0.4;

/** Removals come before the additions that take their place. */
export function changesBetween(before: string, after: string): Change[] {
  const lines = diffLines(before, after, LIMIT) ?? replaced(before, after);
  const result: Change[] = [];
  for (const passage of passages(lines)) {
    const { removed, added, same } = passage;
    const refined = removed !== "" && added !== "";
    for (const change of refined ? words(removed, added) : written({ ...passage, same: "" })) {
      push(result, change);
    }
    push(result, { kind: "same", text: same });
  }
  return result;
}

/** The same changes without the unchanged lines that are further than `context` from any. */
export function folded(changes: readonly Change[], context: number): Change[] {
  return changes.flatMap((change, index): Change[] => {
    if (change.kind !== "same") {
      return [change];
    }
    const lines = change.text.split(/(?<=\n)/);
    const before = changes[index - 1];
    // The rest of a line that changed, and the beginning of one, do not count as lines of context.
    const begun = before !== undefined && !before.text.endsWith("\n") ? 1 : 0;
    const unfinished = change.text.endsWith("\n") ? 0 : 1;
    const head = before === undefined ? 0 : context + begun;
    const tail = index === changes.length - 1 ? 0 : context + unfinished;
    const hidden = lines.length - head - tail;
    if (hidden <= context) {
      return [change];
    }
    const parts: Change[] = [
      { kind: "same", text: lines.slice(0, head).join("") },
      {
        kind: "folded",
        text: lines.slice(head, head + hidden).join(""),
        lines: hidden,
      },
      { kind: "same", text: lines.slice(head + hidden).join("") },
    ];
    return parts.filter(({ text }) => text !== "");
  });
}

interface Passage {
  removed: string;
  added: string;
  /** What follows unchanged. */
  same: string;
}

/** Changes in a row put together, each with the unchanged text that follows it. */
function passages(changes: readonly ChangeObject<string>[]): Passage[] {
  const result: Passage[] = [{ removed: "", added: "", same: "" }];
  for (const { removed, added, value } of changes) {
    let last = result[result.length - 1] as Passage;
    if (!removed && !added) {
      last.same += value;
      continue;
    }
    if (last.same !== "") {
      last = { removed: "", added: "", same: "" };
      result.push(last);
    }
    last[removed ? "removed" : "added"] += value;
  }
  return result;
}

/** What changed in a passage, by words, unless hardly a word of it is left. */
function words(before: string, after: string): Change[] {
  const changes = diffWordsWithSpace(before, after, LIMIT) ?? replaced(before, after);
  const parts: Passage[] = [];
  for (const passage of passages(changes)) {
    const last = parts.at(-1);
    // A comma or a short word between two changed words reads better as part of one change.
    if (last !== undefined && changed(last) && changed(passage) && isSlight(last.same)) {
      parts[parts.length - 1] = {
        removed: last.removed + last.same + passage.removed,
        added: last.added + last.same + passage.added,
        same: passage.same,
      };
    } else {
      parts.push(passage);
    }
  }
  const common = parts.reduce((sum, { same }) => sum + (isPhrase(same) ? letters(same) : 0), 0);
  const kept = common >= ENOUGH_IN_COMMON * Math.min(letters(before), letters(after));
  return (kept ? parts : [{ removed: before, added: after, same: "" }]).flatMap(written);
}

/** A passage as changes; blanks that end both its sides are not part of what changed. */
function written({ removed, added, same }: Passage): Change[] {
  const blanks = /\s*$/.exec(removed)?.[0] ?? "";
  const end = added.endsWith(blanks) ? blanks.length : 0;
  return [
    { kind: "removed", text: removed.slice(0, removed.length - end) },
    { kind: "added", text: added.slice(0, added.length - end) },
    { kind: "same", text: removed.slice(removed.length - end) + same },
  ];
}

function changed({ removed, added }: Passage): boolean {
  return removed !== "" || added !== "";
}

function isSlight(text: string): boolean {
  return !text.includes("\n") && (text.match(/[\p{L}\p{N}]/gu)?.length ?? 0) <= 3;
}

function isPhrase(text: string): boolean {
  return /[\p{L}\p{N}]\s+[\p{L}\p{N}]/u.test(text);
}

function letters(text: string): number {
  return text.replace(/\s/g, "").length;
}

function replaced(before: string, after: string): ChangeObject<string>[] {
  return [
    { value: before, removed: true, added: false, count: 1 },
    { value: after, removed: false, added: true, count: 1 },
  ];
}

function push(changes: Change[], change: Change): void {
  const last = changes.at(-1);
  if (change.text === "") {
    return;
  }
  if (last !== undefined && last.kind === change.kind && last.kind !== "folded") {
    changes[changes.length - 1] = { kind: last.kind, text: last.text + change.text };
  } else {
    changes.push(change);
  }
}
