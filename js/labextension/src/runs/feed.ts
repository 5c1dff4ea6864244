/** All runs that the server knows, kept up to date: what panel and status bar show. */

import type { ServerConnection } from "@jupyterlab/services";
import { type ISignal, Signal } from "@lumino/signaling";
import type { HistoryRow, RunSummary, RunsMessage } from "../../../shared/src/generated/view-model";
import { Kernel } from "../../../shared/src/model/kernel";
import { ServerChannel } from "./channel";

export class RunsFeed {
  readonly kernel: Kernel;
  readonly #channel: ServerChannel;
  readonly #changed = new Signal<RunsFeed, void>(this);
  readonly #rows = new Map<string, HistoryRow>();
  #sorted: readonly HistoryRow[] = [];
  #live: readonly RunSummary[] = [];
  #isKnown = false;

  constructor(settings: ServerConnection.ISettings) {
    this.#channel = new ServerChannel(settings, null);
    this.kernel = serverAsKernel(this.#channel);
    this.#channel.onRuns((message) => this.#take(message));
    // After a loss the server begins with all runs, so what is not among them is gone.
    this.#channel.onConnectionChange(() => this.#rows.clear());
  }

  get changed(): ISignal<RunsFeed, void> {
    return this.#changed;
  }

  /** The newest first; null until the server has told. */
  get rows(): readonly HistoryRow[] | null {
    return this.#isKnown ? this.#sorted : null;
  }

  get live(): readonly RunSummary[] {
    return this.#live;
  }

  close(): void {
    this.kernel.close();
    this.#channel.close();
  }

  #take({ rows, gone, live }: RunsMessage): void {
    for (const row of rows) {
      this.#rows.set(row.id, row);
    }
    for (const id of gone) {
      this.#rows.delete(id);
    }
    if (rows.length > 0 || gone.length > 0 || !this.#isKnown) {
      this.#sorted = [...this.#rows.values()].sort((a, b) => b.created - a.created);
    }
    this.#live = live;
    this.#isKnown = true;
    this.#changed.emit();
  }
}

/** A server answers at once, or not at all: nothing is sent twice. */
export function serverAsKernel(channel: ServerChannel): Kernel {
  return new Kernel(channel, { again: [] });
}
