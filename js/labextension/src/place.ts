/** Where an output is shown, as far as it matters to a run's view. */

import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import type { ISignal } from "@lumino/signaling";
import type { KernelConnection } from "./wire";

export interface Place {
  /** The kernel; null while none can be reached. */
  readonly kernel: KernelConnection | null;
  /** A renderer of live widgets; null while there is no kernel, or nothing that shows widgets. */
  createWidgetRenderer(): IRenderMime.IRenderer | null;
  /** Whether the kernel that had this widget is gone for good. */
  isLost(modelId: string): boolean;
  /** A kernel came, or went. */
  readonly kernelChanged: ISignal<Place, void>;
  /** The document is about to be saved. */
  readonly saving: ISignal<Place, void>;
  /** Tells that there is something new to save. */
  markUnsaved(): void;
}
