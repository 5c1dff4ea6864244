/** All runs that the server knows, kept up to date: what panel and status bar show. */

import type { ServerConnection } from "@jupyterlab/services";
import { type ISignal, Signal } from "@lumino/signaling";
import type { HistoryRow, LiveRunRow, RunsMessage } from "../../../shared/src/generated/view-model";
import type { Channel } from "../../../shared/src/model/channel";
import { Kernel } from "../../../shared/src/model/kernel";
import { titleOf } from "../../../shared/src/model/words";
import { ServerChannel } from "./channel";

export class RunsFeed {
  readonly kernel: Kernel;
  readonly #channel: ServerChannel;
  readonly #changed = new Signal<RunsFeed, void>(this);
  readonly #rows = new Map<string, HistoryRow>();
  #sorted: readonly HistoryRow[] = [];
  #live: readonly LiveRunRow[] = [];
  #isKnown = false;
  #error: string | null = null;

  constructor(settings: ServerConnection.ISettings) {
    this.#channel = new ServerChannel(settings, null);
    this.kernel = serverAsKernel(this.#channel);
    this.#channel.onRuns((message) => this.#take(message));
  }

  get changed(): ISignal<RunsFeed, void> {
    return this.#changed;
  }

  /** The newest first; null until the server has told. */
  get rows(): readonly HistoryRow[] | null {
    return this.#isKnown ? this.#sorted : null;
  }

  get live(): readonly LiveRunRow[] {
    return this.#live;
  }

  /** Why the rows are not up to date, and the remedy; null where they are. */
  get error(): string | null {
    return this.#error;
  }

  /** A run as the list has it; null where it is not known. */
  row(run: string): HistoryRow | null {
    return this.#rows.get(run) ?? null;
  }

  /** A run as it stands now; null where it does not go on. */
  liveRow(run: string): LiveRunRow | null {
    return this.#live.find(({ id }) => id === run) ?? null;
  }

  /** What a run is called; its id, where it is not known. */
  titleOf(run: string): string {
    const row = this.row(run);
    return row === null ? run : titleOf(row);
  }

  close(): void {
    this.kernel.close();
    this.#channel.close();
  }

  #take({ rows, whole, gone, live, error }: RunsMessage): void {
    if (whole) {
      this.#rows.clear();
    }
    for (const row of rows) {
      this.#rows.set(row.id, row);
    }
    for (const id of gone) {
      this.#rows.delete(id);
    }
    if (whole || rows.length > 0 || gone.length > 0) {
      this.#sorted = [...this.#rows.values()].sort((a, b) => b.created - a.created);
    }
    this.#live = live;
    this.#isKnown ||= whole;
    this.#error = error;
    this.#changed.emit();
  }
}

/** A server answers at once, or not at all: nothing is sent twice. */
export function serverAsKernel(channel: Channel): Kernel {
  return new Kernel(channel, { again: [] });
}
