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
  /** What is recorded can be looked at, and not changed. */
  readonly isReadOnly?: boolean;
  onConnectionChange(listener: (connected: boolean) => void): () => void;
  /**
   * Calls back when what is sent unasked is lost though questions may be answered, and when it is
   * heard again. A carrier of both has no need of it.
   */
  onHearing?(listener: (hears: boolean) => void): () => void;
}
