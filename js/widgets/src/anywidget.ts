/** An anywidget model as the channel to its kernel. */

import type { WidgetState } from "../../shared/src/generated/view-model";
import type { Channel } from "../../shared/src/model/channel";
import type { FromKernel } from "../../shared/src/protocol";

/** What of anywidget's model is used. */
export interface AnyModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  send(content: unknown): void;
  on(event: string, listener: (...values: never[]) => void): void;
  off(event: string, listener: (...values: never[]) => void): void;
}

/** Traits that Python sets, and the view with it. */
const traits = ["kind", "permission", "snapshot", "history", "comparison", "search"] as const;

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
 * The channel of a model.
 *
 * anywidget does not tell whether a kernel stands behind its model. Of the events of ipywidgets' own
 * model that it passes on, both that are heard here mean that the kernel is lost; `comm_live_update`
 * would also tell that it comes, but then there is no view yet that could hear it.
 */
export class ModelChannel implements Channel {
  #connected = true;
  readonly #model: AnyModel;

  constructor(model: AnyModel) {
    this.#model = model;
  }

  get connected(): boolean {
    return this.#connected;
  }

  send(request: unknown): void {
    this.#model.send(request);
  }

  onMessage(listener: (message: FromKernel) => void): () => void {
    return this.#listen("msg:custom", listener);
  }

  onConnectionChange(listener: (connected: boolean) => void): () => void {
    const lose = () => {
      this.#connected = false;
      listener(false);
    };
    const stops = [this.#listen("comm_live_update", lose), this.#listen("comm:close", lose)];
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
