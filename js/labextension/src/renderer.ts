/** Shows the output of a run: its live widget if there is one, else what was saved of it. */

import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Panel } from "@lumino/widgets";
import type { RunSnapshot } from "../../shared/src/run";
import { KeptRun, widgetOf } from "./kept";
import { LiveView } from "./live";
import type { Place } from "./place";
import { SavedView } from "./saved";

export class RunRenderer extends Panel implements IRenderMime.IRenderer {
  readonly #place: Place;
  readonly #saved = new SavedView();
  #live: LiveView | null = null;
  #kept: KeptRun | null = null;
  #modelId: string | null = null;

  constructor(place: Place) {
    super();
    this.#place = place;
    // Tells the widget that its snapshots are kept here.
    this.addClass("mipro-keeps");
    this.addWidget(this.#saved);
    this.node.addEventListener("mipro:snapshot", (event) => {
      event.stopPropagation();
      this.#keep((event as CustomEvent<{ readonly snapshot: RunSnapshot }>).detail.snapshot);
    });
    place.kernelChanged.connect(this.#reconnect, this);
    place.saving.connect(() => this.#kept?.store(), this);
  }

  /** Draws an output; called again whenever any output of its cell was changed. */
  renderModel(output: IRenderMime.IMimeModel): Promise<void> {
    const newest = this.#kept?.newest ?? null;
    this.#kept = KeptRun.of(output);
    if (newest !== null) {
      this.#kept.take(newest);
    }
    this.#modelId = widgetOf(output);
    this.#connect();
    return Promise.resolve();
  }

  #keep(snapshot: RunSnapshot): void {
    if (this.#kept?.take(snapshot)) {
      this.#place.markUnsaved();
    }
  }

  /** Looks for the live widget anew, unless it is there: its kernel may have come, or gone. */
  #reconnect(): void {
    if (this.#live?.state !== "there") {
      this.#disconnect();
    }
    this.#connect();
  }

  /** Looks for the live widget, unless it is there or on its way. */
  #connect(): void {
    const isLost = this.#modelId !== null && this.#place.isLost(this.#modelId);
    const wanted = isLost ? null : this.#modelId;
    if (this.#live?.modelId !== wanted) {
      this.#disconnect();
    }
    if (isLost && this.#kept?.loseKernel()) {
      this.#place.markUnsaved();
    }
    if (this.#live === null && wanted !== null) {
      const renderer = this.#place.createWidgetRenderer();
      if (renderer !== null) {
        this.#live = new LiveView(wanted, renderer);
        this.#live.stateChanged.connect(this.#draw, this);
        this.addWidget(this.#live);
      }
    }
    this.#draw();
  }

  #disconnect(): void {
    this.#live?.dispose();
    this.#live = null;
  }

  #draw(): void {
    const state = this.#live?.state;
    if (state === "there") {
      this.#saved.clear();
    } else if (this.#kept !== null && (state !== "coming" || this.#saved.isDrawn)) {
      // A widget just made is there at once: nothing else is shown before it.
      this.#saved.draw(this.#kept.bundle);
    }
  }
}
