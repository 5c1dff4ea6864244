/** Asking the kernel: typed questions, their answers, and whether anybody is there to answer. */

import type { Asks, RunDelta } from "../generated/view-model";
import type { FromKernel, Request, What } from "../protocol";
import type { Channel } from "./channel";

/**
 * What is known of the kernel.
 *
 * - `connecting`: nothing was heard of it yet, and it is too early to worry.
 * - `live`: it answers.
 * - `busy`: it was heard before, but an answer is overdue.
 * - `unheard`: it may answer, but what it sends unasked does not arrive.
 * - `absent`: nothing was ever heard of it, and an answer is overdue or there is no connection.
 * - `gone`: it was heard, and the connection is closed.
 */
export type Presence = "connecting" | "live" | "busy" | "unheard" | "absent" | "gone";

export const BUSY = "The kernel has not answered yet; it may be busy.";
export const SERVER_BUSY = "The Jupyter server has not answered yet; it may be busy.";
export const UNHEARD =
  "The connection to the Jupyter server is lost; what is shown here goes on once it is back.";
export const GONE = "There is no kernel behind this view; run the cell again to go on.";

export interface Times {
  /**
   * Milliseconds after which an unanswered question is sent again. JupyterLab sends the first
   * messages of a widget, before its subshell is there, to the shell that a cell may block; the
   * kernel answers each question once, however often it arrives.
   */
  readonly again: readonly number[];
  /** Milliseconds after which an answer is overdue. */
  readonly patience: number;
  /** Milliseconds after which a question is given up. */
  readonly limit: number;
}

const TIMES: Times = { again: [500, 1_500, 3_000], patience: 4_000, limit: 60_000 };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  overdue: boolean;
  readonly timers: readonly ReturnType<typeof setTimeout>[];
}

export class Kernel {
  #presence: Presence;
  #heard = false;
  #hears = true;
  // Views of one widget share its channel, and each sees all answers: ids must not collide.
  #nextId = Math.floor(Math.random() * 2 ** 48);
  readonly #waiting = new Map<number, Waiting>();
  readonly #deltaListeners = new Set<(run: string, delta: RunDelta) => void>();
  readonly #presenceListeners = new Set<(presence: Presence) => void>();
  readonly #channel: Channel;
  readonly #times: Times;
  readonly #stop: readonly (() => void)[];

  constructor(channel: Channel, times: Partial<Times> = {}) {
    this.#channel = channel;
    this.#times = { ...TIMES, ...times };
    this.#presence = channel.connected ? "connecting" : "absent";
    this.#stop = [
      channel.onMessage((message) => this.#receive(message)),
      channel.onConnectionChange((connected) => this.#connectionChanged(connected)),
      channel.onHearing?.((hears) => this.#hearingChanged(hears)) ?? (() => {}),
    ];
  }

  /** Whether it can do something in a notebook, and not only read the record. */
  get hasNotebook(): boolean {
    return this.#channel.hasOnlyRecord !== true;
  }

  /** Whether it can name, tag and delete runs, and pause and stop them. */
  get canChange(): boolean {
    return this.#channel.isReadOnly !== true;
  }

  /** What to say while an answer is overdue. */
  get busy(): string {
    return this.hasNotebook ? BUSY : SERVER_BUSY;
  }

  get presence(): Presence {
    return this.#presence;
  }

  /** The kernel's answer; rejects with an Error whose message is a sentence for the person. */
  ask<W extends What>(what: W, ask: Asks[W]["ask"]): Promise<Asks[W]["answer"]> {
    if (!this.#channel.connected) {
      return Promise.reject(new Error(GONE));
    }
    const id = this.#nextId++;
    const request: Request<W> = { kind: "request", id, what, ask };
    const answer = new Promise<unknown>((resolve, reject) => {
      const timers = [
        ...this.#times.again.map((after) => setTimeout(() => this.#channel.send(request), after)),
        setTimeout(() => this.#overdue(id), this.#times.patience),
        setTimeout(() => this.#giveUp(id), this.#times.limit),
      ];
      this.#waiting.set(id, { resolve, reject, overdue: false, timers });
    });
    this.#channel.send(request);
    return answer as Promise<Asks[W]["answer"]>;
  }

  /** Calls back with every delta of any run; returns how to stop that. */
  onDelta(listener: (run: string, delta: RunDelta) => void): () => void {
    this.#deltaListeners.add(listener);
    return () => this.#deltaListeners.delete(listener);
  }

  onPresence(listener: (presence: Presence) => void): () => void {
    this.#presenceListeners.add(listener);
    return () => this.#presenceListeners.delete(listener);
  }

  /** Stops listening; what was asked and not answered stays so. */
  close(): void {
    for (const stop of this.#stop) {
      stop();
    }
    for (const waiting of this.#waiting.values()) {
      waiting.timers.forEach(clearTimeout);
    }
    this.#waiting.clear();
    this.#deltaListeners.clear();
    this.#presenceListeners.clear();
  }

  #receive(message: FromKernel): void {
    this.#heard = true;
    if (message.kind === "delta") {
      for (const listener of this.#deltaListeners) {
        listener(message.run, message.delta);
      }
    } else if (message.kind !== "page") {
      const waiting = this.#take(message.id);
      if (message.kind === "answer") {
        waiting?.resolve(message.value);
      } else {
        waiting?.reject(new Error(message.error));
      }
    }
    this.#settle();
  }

  #connectionChanged(connected: boolean): void {
    if (connected) {
      if (this.#presence === "gone" || this.#presence === "absent") {
        this.#become("connecting");
      }
      return;
    }
    for (const id of [...this.#waiting.keys()]) {
      this.#take(id)?.reject(new Error(GONE));
    }
    this.#become(this.#heard ? "gone" : "absent");
  }

  #hearingChanged(hears: boolean): void {
    this.#hears = hears;
    this.#settle();
  }

  #overdue(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) {
      waiting.overdue = true;
      this.#settle();
    }
  }

  #giveUp(id: number): void {
    this.#take(id)?.reject(new Error(this.busy));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    waiting?.timers.forEach(clearTimeout);
    this.#waiting.delete(id);
    return waiting;
  }

  /** Takes into account what was heard of a kernel that is there. */
  #settle(): void {
    // First: who follows a run has to know that it misses something, also while answers are overdue.
    if (!this.#hears) {
      this.#become("unheard");
    } else if ([...this.#waiting.values()].some((waiting) => waiting.overdue)) {
      this.#become(this.#heard ? "busy" : "absent");
    } else {
      this.#become(this.#heard ? "live" : "connecting");
    }
  }

  #become(presence: Presence): void {
    if (presence === this.#presence) {
      return;
    }
    this.#presence = presence;
    for (const listener of this.#presenceListeners) {
      listener(presence);
    }
  }
}
