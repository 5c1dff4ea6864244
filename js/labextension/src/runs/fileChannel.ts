/** A file of the server's folder as what answers a view: questions by POST, and no news. */

import type { ServerConnection } from "@jupyterlab/services";
import type { Channel } from "../../../shared/src/model/channel";
import type { FromKernel, Request } from "../../../shared/src/protocol";
import { post } from "./post";

export class FileChannel implements Channel {
  readonly connected = true;
  readonly hasOnlyRecord = true;
  readonly isReadOnly = true;
  readonly #settings: ServerConnection.ISettings;
  readonly #path: string;
  readonly #listeners = new Set<(message: FromKernel) => void>();

  constructor(settings: ServerConnection.ISettings, path: string) {
    this.#settings = settings;
    this.#path = path;
  }

  send(request: Request): void {
    void post(this.#settings, "files", { ...request, path: this.#path }).then((reply) => {
      for (const listener of this.#listeners) {
        listener(reply);
      }
    });
  }

  onMessage(listener: (message: FromKernel) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onConnectionChange(): () => void {
    return () => undefined;
  }
}
