/** All runs that go on, stopped at once. */

import { Dialog, showDialog, showErrorMessage } from "@jupyterlab/apputils";
import { counted } from "../../../shared/src/components/drill/counted";
import type { RunsFeed } from "./feed";

/** Stops all runs that go on, once the person has said that this is meant. */
export async function stopAll(feed: RunsFeed): Promise<void> {
  const { kernel, live } = feed;
  const { button } = await showDialog({
    title: `Stop ${counted(live.length, "run")}?`,
    body: "The best programs so far are kept, and the runs can be resumed.",
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Stop all" })],
  });
  if (!button.accept) {
    return;
  }
  // Some may have ended while the question stood there.
  const meant = live.filter(({ id }) => feed.liveRow(id) !== null);
  const asked = await Promise.allSettled(meant.map(({ id }) => kernel.ask("stop", { run: id })));
  const reasons = asked.flatMap((each) =>
    each.status === "rejected" ? [String((each.reason as Error).message)] : [],
  );
  if (reasons.length > 0) {
    // Not as a notification, which is cut after 140 characters: the remedy stands at the end.
    await showErrorMessage("Not all runs were stopped", reasons.join("\n"));
  }
}
