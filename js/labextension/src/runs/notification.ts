/** JupyterLab's notification that a run has ended. */

import { Notification } from "@jupyterlab/apputils";
import type { HistoryRow, RunState } from "../../../shared/src/generated/view-model";
import { endText } from "./ends";

/** Milliseconds that it stays in sight; in JupyterLab's list it stays for good. */
const IN_SIGHT = 10_000;

const types: Partial<Record<RunState, Notification.TypeOptions>> = {
  finished: "success",
  failed: "error",
  "cut off": "warning",
};

export function notify(row: HistoryRow, open: () => void): void {
  Notification.emit(endText(row), types[row.state] ?? "info", {
    autoClose: IN_SIGHT,
    actions: [{ label: "Open", caption: "Open the run in a tab", callback: open }],
  });
}
