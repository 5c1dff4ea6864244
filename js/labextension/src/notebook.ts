/** A notebook as the place of a run's view: its kernel, its widget manager, its saving. */

import type { ICodeCellModel } from "@jupyterlab/cells";
import type { NotebookPanel } from "@jupyterlab/notebook";
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { type ISignal, Signal } from "@lumino/signaling";
import { WIDGET_MIME, widgetOf } from "./kept";
import type { Place } from "./place";
import type { KernelConnection } from "./wire";

/** Kernel states after which nothing is left of what was in the kernel. */
const ENDS: ReadonlySet<string> = new Set(["restarting", "autorestarting", "terminating", "dead"]);

export class NotebookPlace implements Place {
  readonly #panel: NotebookPanel;
  readonly #lost = new Set<string>();
  readonly #kernelChanged = new Signal<Place, void>(this);
  readonly #saving = new Signal<Place, void>(this);

  constructor(panel: NotebookPanel) {
    this.#panel = panel;
    const { context, sessionContext } = panel;
    sessionContext.kernelChanged.connect((_, { oldValue, newValue }) => {
      this.#changed(oldValue !== null && oldValue.id !== newValue?.id);
    });
    sessionContext.statusChanged.connect((_, status) => {
      if (ENDS.has(status)) {
        this.#changed(true);
      }
    });
    sessionContext.connectionStatusChanged.connect((_, status) => {
      if (status === "connected") {
        this.#changed(false);
      }
    });
    // The widget manager waits for the same promise before it serves this notebook.
    void sessionContext.ready.then(() => setTimeout(() => this.#changed(false)));
    context.saveState.connect((_, state) => {
      if (state === "started") {
        this.#saving.emit();
      }
    });
  }

  get kernelChanged(): ISignal<Place, void> {
    return this.#kernelChanged;
  }

  get saving(): ISignal<Place, void> {
    return this.#saving;
  }

  get kernel(): KernelConnection | null {
    const { isReady, session } = this.#panel.sessionContext;
    const kernel = session?.kernel ?? null;
    // A session is ready at once, and its connection later: until then all that is sent waits.
    return isReady && kernel?.connectionStatus === "connected" ? kernel : null;
  }

  createWidgetRenderer(): IRenderMime.IRenderer | null {
    const { rendermime } = this.#panel.content;
    return this.kernel !== null && rendermime.getFactory(WIDGET_MIME)
      ? rendermime.createRenderer(WIDGET_MIME)
      : null;
  }

  isLost(modelId: string): boolean {
    return this.#lost.has(modelId);
  }

  markUnsaved(): void {
    this.#panel.context.model.dirty = true;
  }

  #changed(isKernelGone: boolean): void {
    if (isKernelGone) {
      for (const modelId of this.#modelIds()) {
        this.#lost.add(modelId);
      }
    }
    this.#kernelChanged.emit();
  }

  /** The widgets of all outputs of this notebook, also of those that are not drawn at present. */
  *#modelIds(): Iterable<string> {
    for (const cell of this.#panel.context.model.cells) {
      if (cell.type !== "code") {
        continue;
      }
      const { outputs } = cell as ICodeCellModel;
      for (let index = 0; index < outputs.length; index += 1) {
        const modelId = widgetOf(outputs.get(index));
        if (modelId !== null) {
          yield modelId;
        }
      }
    }
  }
}
