/** A page with one output of a run, and stand-ins for the notebook and the widget manager. */

import "./dragging";
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Signal } from "@lumino/signaling";
import { Widget } from "@lumino/widgets";
import { snapshotOf, usual } from "../../dev/data";
import type { RunSnapshot, RunState } from "../../shared/src/run";
import { RUN_MIME, type RunBundle, WIDGET_MIME } from "../src/kept";
import type { Place } from "../src/place";
import { RunRenderer } from "../src/renderer";

export function snapshot(state: RunState, seq = 100): RunSnapshot {
  return { ...snapshotOf({ ...usual, state }), seq };
}

export function bundle(saved: RunSnapshot | null): RunBundle {
  return {
    schema: 1,
    kind: "run",
    run: saved === null ? null : saved.summary.id,
    snapshot: saved,
    permission: null,
    history: null,
    comparison: null,
  };
}

export class FakeOutput implements IRenderMime.IMimeModel {
  data: IRenderMime.IMimeModel["data"];
  readonly metadata = {};
  readonly trusted: boolean;

  constructor(saved: unknown, { trusted = true, widget = "w1" } = {}) {
    this.trusted = trusted;
    this.data = {
      [RUN_MIME]: saved as never,
      [WIDGET_MIME]: { version_major: 2, version_minor: 1, model_id: widget },
      "text/plain": "a run",
    };
  }

  setData({ data }: IRenderMime.IMimeModel.ISetDataOptions): void {
    this.data = data ?? this.data;
  }

  get saved(): RunBundle {
    return this.data[RUN_MIME] as unknown as RunBundle;
  }
}

/** What ipywidgets draws for a widget: "Loading widget...", until the test tells it otherwise. */
class FakeWidgetRenderer extends Widget implements IRenderMime.IRenderer {
  #drawn: () => void = () => undefined;

  renderModel(): Promise<void> {
    this.node.textContent = "Loading widget...";
    return new Promise((resolve) => {
      this.#drawn = resolve;
    });
  }

  /** The kernel has the widget: its own code draws it. */
  find(): HTMLElement {
    this.node.innerHTML = '<div class="jupyter-widgets"><div class="mipro">live</div></div>';
    this.#drawn();
    return this.node.querySelector(".mipro") as HTMLElement;
  }

  /** The kernel does not have it. */
  fail(): void {
    this.node.textContent = "Error displaying widget: model not found";
    this.#drawn();
  }

  /** The connection to the kernel is lost. */
  disconnect(): void {
    this.node.firstElementChild?.classList.add("jupyter-widgets-disconnected");
  }
}

/** A notebook; at first it has a kernel and a widget manager. */
export class FakeNotebook implements Place {
  readonly kernelChanged: Signal<Place, void> = new Signal(this);
  readonly saving: Signal<Place, void> = new Signal(this);
  readonly renderers: FakeWidgetRenderer[] = [];
  readonly lost = new Set<string>();
  hasKernel = true;
  isUnsaved = false;

  createWidgetRenderer(): FakeWidgetRenderer | null {
    if (!this.hasKernel) {
      return null;
    }
    const renderer = new FakeWidgetRenderer();
    this.renderers.push(renderer);
    return renderer;
  }

  isLost(modelId: string): boolean {
    return this.lost.has(modelId);
  }

  markUnsaved(): void {
    this.isUnsaved = true;
  }

  get widget(): FakeWidgetRenderer {
    const last = this.renderers.at(-1);
    if (last === undefined) {
      throw new Error("No widget was asked for.");
    }
    return last;
  }

  save(): void {
    this.saving.emit();
    this.isUnsaved = false;
  }

  restartKernel(): void {
    this.lost.add("w1");
    this.kernelChanged.emit();
  }
}

const shown: RunRenderer[] = [];

export function show(output: FakeOutput, notebook: Place): RunRenderer {
  const renderer = new RunRenderer(notebook);
  shown.push(renderer);
  Widget.attach(renderer, document.body);
  void renderer.renderModel(output);
  return renderer;
}

/** Closes all that was shown. */
export function closeAll(): void {
  for (const renderer of shown.splice(0)) {
    renderer.dispose();
  }
}

/** What a person reads in an output: all text that is not hidden. */
export function visibleText(renderer: RunRenderer): string {
  const copy = renderer.node.cloneNode(true) as HTMLElement;
  for (const hidden of copy.querySelectorAll(".lm-mod-hidden")) {
    hidden.remove();
  }
  return copy.textContent;
}

/** What the live widget does from time to time, and at the end of its run. */
export function tell(root: HTMLElement, told: RunSnapshot): void {
  const detail = { snapshot: told };
  root.dispatchEvent(new CustomEvent("mipro:snapshot", { detail, bubbles: true }));
}
