/** The Jupyter server as what answers a view: questions by POST, news over a websocket. */

import { URLExt } from "@jupyterlab/coreutils";
import type { ServerConnection } from "@jupyterlab/services";
import type { RunsMessage } from "../../../shared/src/generated/view-model";
import type { Channel } from "../../../shared/src/model/channel";
import type { FromKernel, Request } from "../../../shared/src/protocol";
import { post } from "./post";

/** Milliseconds after which a lost websocket is opened again, the longer the more often it failed. */
const AGAIN = { first: 1_000, longest: 30_000 };
/** Milliseconds that a snapshot waits for the websocket over which its changes come. */
const TO_OPEN = 5_000;

export type FromServer = FromKernel | RunsMessage;

export class ServerChannel implements Channel {
  /** Questions need no websocket: whether they can be answered is seen when they are asked. */
  readonly connected = true;
  readonly hasOnlyRecord = true;
  readonly #settings: ServerConnection.ISettings;
  readonly #run: string | null;
  readonly #messageListeners = new Set<(message: FromKernel) => void>();
  readonly #runsListeners = new Set<(message: RunsMessage) => void>();
  readonly #hearingListeners = new Set<(hears: boolean) => void>();
  #hears = true;
  #socket: WebSocket | null = null;
  #opened: Promise<void> = Promise.resolve();
  #pause = AGAIN.first;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isClosed = false;

  /** `run` is the run whose changes are told; null for those of the list of runs. */
  constructor(settings: ServerConnection.ISettings, run: string | null) {
    this.#settings = settings;
    this.#run = run;
    this.#open();
  }

  send(request: Request): void {
    void this.#post(request);
  }

  onMessage(listener: (message: FromKernel) => void): () => void {
    this.#messageListeners.add(listener);
    return () => this.#messageListeners.delete(listener);
  }

  /** Calls back with what changes in the list of runs. */
  onRuns(listener: (message: RunsMessage) => void): () => void {
    this.#runsListeners.add(listener);
    return () => this.#runsListeners.delete(listener);
  }

  onConnectionChange(): () => void {
    return () => undefined;
  }

  onHearing(listener: (hears: boolean) => void): () => void {
    this.#hearingListeners.add(listener);
    return () => this.#hearingListeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
    }
    this.#socket?.close();
  }

  async #post(request: Request): Promise<void> {
    if (request.what === "snapshot") {
      await this.#opened; // or what changes meanwhile would be lost
    }
    this.#tell(await post(this.#settings, "requests", request));
  }

  #tell(message: FromKernel): void {
    for (const listener of this.#messageListeners) {
      listener(message);
    }
  }

  #open(): void {
    const { wsUrl, appendToken, token, WebSocket } = this.#settings;
    const query = URLExt.objectToQueryString({
      ...(this.#run === null ? {} : { run: this.#run }),
      ...(appendToken && token !== "" ? { token } : {}),
    });
    const socket = new WebSocket(URLExt.join(wsUrl, "mipro_nb", "changes") + query);
    this.#socket = socket;
    this.#opened = new Promise((resolve) => {
      const patience = setTimeout(() => settle(false), TO_OPEN);
      const settle = (hears: boolean) => {
        clearTimeout(patience);
        this.#setHears(hears);
        resolve();
      };
      socket.onopen = () => {
        this.#pause = AGAIN.first;
        settle(true);
      };
      socket.onclose = () => {
        settle(false);
        if (!this.#isClosed) {
          this.#timer = setTimeout(() => this.#open(), this.#pause);
          this.#pause = Math.min(2 * this.#pause, AGAIN.longest);
        }
      };
    });
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data) as FromServer);
  }

  #hear(message: FromServer): void {
    if (message.kind !== "runs") {
      this.#tell(message);
      return;
    }
    for (const listener of this.#runsListeners) {
      listener(message);
    }
  }

  /** Has views told that news are lost, and ask again once they are not. */
  #setHears(hears: boolean): void {
    if (hears !== this.#hears && !this.#isClosed) {
      this.#hears = hears;
      for (const listener of this.#hearingListeners) {
        listener(hears);
      }
    }
  }
}
