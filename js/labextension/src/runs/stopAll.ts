/** All runs that go on, stopped at once. */

import { Dialog, Notification, showDialog } from "@jupyterlab/apputils";
import { counted } from "../../../shared/src/components/drill/counted";
import type { RunsFeed } from "./feed";

/** Stops all runs that go on, once the person has said that this is meant. */
export async function stopAll({ kernel, live }: RunsFeed): Promise<void> {
  const { button } = await showDialog({
    title: `Stop ${counted(live.length, "run")}?`,
    body: "The best programs so far are kept, and the runs can be resumed.",
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Stop all" })],
  });
  if (!button.accept) {
    return;
  }
  const asked = await Promise.allSettled(live.map(({ id }) => kernel.ask("stop", { run: id })));
  for (const each of asked) {
    if (each.status === "rejected") {
      Notification.error(String((each.reason as Error).message), { autoClose: false });
    }
  }
}
