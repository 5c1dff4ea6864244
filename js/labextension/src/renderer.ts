/** Shows the output of a run: its live widget if there is one, else what was saved of it. */

import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Panel } from "@lumino/widgets";
import type { Page, RunSnapshot } from "../../shared/src/generated/view-model";
import { KeptRun } from "./kept";
import { LiveView } from "./live";
import type { Place } from "./place";
import { SavedView } from "./saved";
import { Wire } from "./wire";

export class RunRenderer extends Panel implements IRenderMime.IRenderer {
  readonly #place: Place;
  readonly #saved = new SavedView();
  #live: LiveView | null = null;
  #kept: KeptRun | null = null;
  /** The widget that is looked for; null where there is none, or no more. */
  #modelId: string | null = null;
  /** To a run that goes on, while its widget is not there. */
  #wire: Wire | null = null;

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
    this.node.addEventListener("mipro:page", (event) => {
      event.stopPropagation();
      this.#keepPage((event as CustomEvent<{ readonly page: Page }>).detail.page);
    });
    place.kernelChanged.connect(this.#reconnect, this);
    place.saving.connect(() => this.#kept?.store(), this);
  }

  override dispose(): void {
    this.#closeWire();
    super.dispose();
  }

  /** Draws an output; called again whenever any output of its cell was changed. */
  renderModel(output: IRenderMime.IMimeModel): Promise<void> {
    const newest = this.#kept?.newest ?? null;
    this.#kept = KeptRun.of(output);
    if (newest !== null) {
      this.#kept.take(newest);
    }
    this.#connect();
    return Promise.resolve();
  }

  #keep(snapshot: RunSnapshot): void {
    if (this.#kept?.take(snapshot)) {
      this.#place.markUnsaved();
    }
  }

  #keepPage(page: Page): void {
    this.#kept?.takePage(page);
    this.#place.markUnsaved();
  }

  /** Looks for the live widget again, unless it is there: its kernel may have come, or gone. */
  #reconnect(): void {
    if (this.#live?.state !== "there") {
      this.#disconnect();
    }
    this.#connect();
  }

  /** Looks for the live widget, unless it is there or on its way. */
  #connect(): void {
    const widget = this.#kept?.widget ?? null;
    const isLost = widget !== null && this.#place.isLost(widget);
    const modelId = isLost ? null : widget;
    if (modelId !== this.#modelId) {
      this.#disconnect();
      this.#modelId = modelId;
    }
    if (isLost && this.#kept?.loseKernel()) {
      this.#place.markUnsaved();
    }
    if (this.#live === null && modelId !== null) {
      const renderer = this.#place.createWidgetRenderer();
      if (renderer !== null) {
        this.#live = new LiveView(modelId, renderer);
        this.#live.stateChanged.connect(this.#draw, this);
        this.addWidget(this.#live);
      }
    }
    this.#draw();
  }

  #disconnect(): void {
    this.#closeWire();
    this.#live?.dispose();
    this.#live = null;
  }

  #draw(): void {
    const state = this.#live?.state;
    if (state === "there") {
      this.#closeWire();
      this.#saved.clear();
    } else if (this.#kept !== null && (state !== "coming" || this.#saved.isDrawn)) {
      // A widget just made is there at once: nothing else is shown before it.
      this.#saved.draw({
        bundle: this.#kept.bundle,
        wire: this.#openWire(),
        keep: (snapshot) => this.#keep(snapshot),
      });
    }
  }

  /** A wire to the run, if it goes on; it is used only where the widget does not come by itself. */
  #openWire(): Wire | null {
    if (this.#wire === null && this.#modelId !== null && this.#kept?.isGoingOn) {
      this.#wire = new Wire(this.#modelId);
      this.#wire.onMessage((message) => {
        if (message.kind === "page") {
          this.#keepPage(message.page);
        }
      });
    }
    const { kernel } = this.#place;
    if (this.#live?.state === "absent" && kernel !== null) {
      this.#wire?.connect(kernel);
    }
    return this.#wire;
  }

  #closeWire(): void {
    this.#wire?.close();
    this.#wire = null;
  }
}
