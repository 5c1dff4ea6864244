/** The live widget of an output: hidden until it is really there, and once it is dead. */

import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { type ISignal, Signal } from "@lumino/signaling";
import { Panel } from "@lumino/widgets";
import { WIDGET_MIME } from "./kept";

/** Milliseconds that a widget may take to come, and one that was found to draw itself. */
const PATIENCE = { toCome: 3000, toDraw: 1000 };

/**
 * - `coming`: it is too early to tell.
 * - `there`: it is shown.
 * - `absent`: it is not there; it may still come, where the kernel is busy, say.
 */
export type LiveState = "coming" | "there" | "absent";

export class LiveView extends Panel {
  readonly modelId: string;
  #state: LiveState = "coming";
  #timer: ReturnType<typeof setTimeout>;
  readonly #stateChanged = new Signal<LiveView, LiveState>(this);
  readonly #observer: MutationObserver;
  /** What the widget's root element is known by; the browser keeps this collection up to date. */
  readonly #roots = this.node.getElementsByClassName("mipro");

  constructor(modelId: string, renderer: IRenderMime.IRenderer) {
    super();
    this.modelId = modelId;
    this.hide();
    this.addWidget(renderer);
    this.#observer = new MutationObserver(() => this.#look());
    this.#observer.observe(this.node, {
      attributeFilter: ["class"],
      childList: true,
      subtree: true,
    });
    this.#timer = setTimeout(() => this.#doubt(), PATIENCE.toCome);
    renderer.renderModel(viewOf(modelId)).then(
      () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#doubt(), PATIENCE.toDraw);
      },
      () => this.#doubt(),
    );
  }

  get state(): LiveState {
    return this.#state;
  }

  get stateChanged(): ISignal<LiveView, LiveState> {
    return this.#stateChanged;
  }

  override dispose(): void {
    clearTimeout(this.#timer);
    this.#observer.disconnect();
    super.dispose();
  }

  #look(): void {
    const root = this.#roots[0];
    if (root === undefined) {
      if (this.#state === "there") {
        this.#become("absent");
      }
    } else {
      // ipywidgets marks a widget whose kernel is gone, or that was only read from the notebook.
      this.#become(root.closest(".jupyter-widgets-disconnected") === null ? "there" : "absent");
    }
  }

  #doubt(): void {
    if (this.#state === "coming") {
      this.#become("absent");
    }
  }

  #become(state: LiveState): void {
    if (state !== this.#state && !this.isDisposed) {
      this.#state = state;
      this.setHidden(state !== "there");
      this.#stateChanged.emit(state);
    }
  }
}

/** The widget's output on its own: a renderer writes to it when the widget is closed. */
function viewOf(modelId: string): IRenderMime.IMimeModel {
  return {
    trusted: true,
    data: { [WIDGET_MIME]: { version_major: 2, version_minor: 0, model_id: modelId } },
    metadata: {},
    setData: () => undefined,
  };
}
