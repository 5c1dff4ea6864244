/** An anywidget model as the channel to its kernel. */

import type { Channel } from "../../shared/src/model/channel";
import type { FromKernel, WidgetState } from "../../shared/src/protocol";

/** What of anywidget's model is used. */
export interface AnyModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  send(content: unknown): void;
  on(event: string, listener: (...values: never[]) => void): void;
  off(event: string, listener: (...values: never[]) => void): void;
}

/** Traits that Python sets, and the view with it. */
const traits = ["kind", "permission", "snapshot", "history", "comparison"] as const;

export function stateOf(model: AnyModel): WidgetState {
  return Object.fromEntries(
    traits.map((trait) => [trait, model.get(trait) ?? null]),
  ) as unknown as WidgetState;
}

export function onState(model: AnyModel, listener: () => void): () => void {
  for (const trait of traits) {
    model.on(`change:${trait}`, listener);
  }
  return () => {
    for (const trait of traits) {
      model.off(`change:${trait}`, listener);
    }
  };
}

/**
 * The channel of one view of a model.
 *
 * anywidget does not tell whether a kernel stands behind its model, but ipywidgets marks the view's
 * element when there is none (any more).
 */
export class ModelChannel implements Channel {
  readonly #model: AnyModel;
  readonly #element: Element;

  constructor(model: AnyModel, element: Element) {
    this.#model = model;
    this.#element = element;
  }

  get connected(): boolean {
    return this.#element.closest(".jupyter-widgets-disconnected") === null;
  }

  send(request: unknown): void {
    this.#model.send(request);
  }

  onMessage(listener: (message: FromKernel) => void): () => void {
    return this.#listen("msg:custom", listener);
  }

  onConnectionChange(listener: (connected: boolean) => void): () => void {
    // The mark is set by another listener to the same event, which may be called after this one.
    const look = () => queueMicrotask(() => listener(this.connected));
    const stops = [
      this.#listen("comm_live_update", look),
      this.#listen("comm:close", () => listener(false)),
    ];
    return () => {
      for (const stop of stops) {
        stop();
      }
    };
  }

  #listen(event: string, listener: (...values: never[]) => void): () => void {
    this.#model.on(event, listener);
    return () => this.#model.off(event, listener);
  }
}
