/** The wire between a view and its kernel, whatever carries it. */

import type { FromKernel, Request } from "../protocol";

export interface Channel {
  send(request: Request): void;
  /** Calls back with every message of the kernel; returns how to stop that. */
  onMessage(listener: (message: FromKernel) => void): () => void;
  /** Whether the other end is still there, as far as the carrier knows. */
  readonly connected: boolean;
  /** No kernel is at the other end: there, nothing but what is recorded can be asked. */
  readonly hasOnlyRecord?: boolean;
  onConnectionChange(listener: (connected: boolean) => void): () => void;
}
