/** The far side of the wire, by hand: a test looks at what was asked, and answers when it likes. */

import type { Asks } from "../src/generated/view-model";
import type { Channel } from "../src/model/channel";
import type { FromKernel, Request, What } from "../src/protocol";

export class FakeWire implements Channel {
  readonly sent: Request[] = [];
  connected = true;
  hasOnlyRecord = false;
  readonly #messages = new Set<(message: FromKernel) => void>();
  readonly #connections = new Set<(connected: boolean) => void>();
  readonly #hearings = new Set<(hears: boolean) => void>();

  send(request: Request): void {
    this.sent.push(request);
  }

  onMessage(listener: (message: FromKernel) => void): () => void {
    this.#messages.add(listener);
    return () => this.#messages.delete(listener);
  }

  onConnectionChange(listener: (connected: boolean) => void): () => void {
    this.#connections.add(listener);
    return () => this.#connections.delete(listener);
  }

  onHearing(listener: (hears: boolean) => void): () => void {
    this.#hearings.add(listener);
    return () => this.#hearings.delete(listener);
  }

  /** How many listen. */
  get listeners(): number {
    return this.#messages.size + this.#connections.size + this.#hearings.size;
  }

  asked<W extends What>(what: W): Request<W>[] {
    return this.sent.filter((request) => request.what === what) as Request<W>[];
  }

  /** Answers the newest question of a kind. */
  answer<W extends What>(what: W, value: Asks[W]["answer"]): void {
    this.tell({ kind: "answer", id: this.#newest(what), value });
  }

  refuse(what: What, error: string): void {
    this.tell({ kind: "refusal", id: this.#newest(what), error });
  }

  tell(message: FromKernel): void {
    for (const listener of this.#messages) {
      listener(message);
    }
  }

  connect(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.#connections) {
      listener(connected);
    }
  }

  /** Loses what is sent unasked, or hears it again. */
  hear(hears: boolean): void {
    for (const listener of this.#hearings) {
      listener(hears);
    }
  }

  #newest(what: What): number {
    const request = this.asked(what).at(-1);
    if (request === undefined) {
      throw new Error(`Nobody has asked ${what}.`);
    }
    return request.id;
  }
}
