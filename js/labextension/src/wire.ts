/**
 * A wire to a widget whose kernel is busy with a cell.
 *
 * After a reload of the page the widget manager asks the kernel's main shell for its widgets, and so
 * waits for the end of the cell. Their messages reach them sooner over a subshell, and where the
 * kernel has none, some cells let them in.
 */

import { type Kernel, KernelMessage } from "@jupyterlab/services";
import type { WidgetState } from "../../shared/src/generated/view-model";
import type { Channel } from "../../shared/src/model/channel";
import type { FromKernel, Request } from "../../shared/src/protocol";

/** What of a kernel is used. */
export type KernelConnection = Pick<
  Kernel.IKernelConnection,
  "clientId" | "iopubMessage" | "sendControlMessage" | "sendShellMessage" | "username"
>;

/** Traits that the kernel sets. */
export type StateChange = Partial<WidgetState>;

/** What ipywidgets hears from a widget's front end, and what it sends to one. */
type ToWidget =
  | { readonly method: "custom"; readonly content: Request }
  | { readonly method: "request_state" };
type FromWidget =
  | { readonly method: "custom"; readonly content: FromKernel }
  | { readonly method: "update"; readonly state: StateChange };

export class Wire implements Channel {
  readonly connected = true;
  readonly #modelId: string;
  #kernel: KernelConnection | null = null;
  /** Asked before there was a kernel; by id, for a question may be asked again. */
  readonly #unsent = new Map<number, Request>();
  readonly #messageListeners = new Set<(message: FromKernel) => void>();
  readonly #stateListeners = new Set<(change: StateChange) => void>();
  #change: StateChange = {};
  #isClosed = false;

  constructor(modelId: string) {
    this.#modelId = modelId;
  }

  /** Begins to send and to hear. */
  connect(kernel: KernelConnection): void {
    if (this.#kernel !== null) {
      return;
    }
    this.#kernel = kernel;
    kernel.iopubMessage.connect(this.#receive, this);
    // Much may have happened since the notebook was saved.
    void this.#send(kernel, { method: "request_state" });
    for (const request of this.#unsent.values()) {
      this.send(request);
    }
    this.#unsent.clear();
  }

  close(): void {
    this.#isClosed = true;
    this.#kernel?.iopubMessage.disconnect(this.#receive, this);
    this.#messageListeners.clear();
    this.#stateListeners.clear();
  }

  send(request: Request): void {
    if (this.#kernel === null) {
      this.#unsent.set(request.id, request);
    } else {
      void this.#send(this.#kernel, { method: "custom", content: request });
    }
  }

  onMessage(listener: (message: FromKernel) => void): () => void {
    this.#messageListeners.add(listener);
    return () => this.#messageListeners.delete(listener);
  }

  /** All that the kernel has set since the wire is there. */
  get change(): StateChange {
    return this.#change;
  }

  /** Calls back with all that the kernel has set, each time that it sets more. */
  onState(listener: (change: StateChange) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** A wire is closed when its kernel goes. */
  onConnectionChange(): () => void {
    return () => undefined;
  }

  async #send(kernel: KernelConnection, data: ToWidget): Promise<void> {
    const subshellId = await subshellOf(kernel);
    if (this.#isClosed) {
      return;
    }
    const message = KernelMessage.createMessage<KernelMessage.ICommMsgMsg<"shell">>({
      channel: "shell",
      msgType: "comm_msg",
      session: kernel.clientId,
      username: kernel.username,
      subshellId,
      content: { comm_id: this.#modelId, data: data as never },
    });
    kernel.sendShellMessage(message, false, true);
  }

  #receive(_: unknown, message: KernelMessage.IIOPubMessage): void {
    if (!KernelMessage.isCommMsgMsg(message) || message.content.comm_id !== this.#modelId) {
      return;
    }
    const sent = message.content.data as unknown as FromWidget;
    if (sent.method === "custom") {
      for (const listener of this.#messageListeners) {
        listener(sent.content);
      }
    } else if (sent.method === "update") {
      this.#change = { ...this.#change, ...sent.state };
      for (const listener of this.#stateListeners) {
        listener(this.#change);
      }
    }
  }
}

const subshells = new WeakMap<KernelConnection, Promise<string | null>>();

/** The subshell that all wires to a kernel share; null where it has only its main shell. */
function subshellOf(kernel: KernelConnection): Promise<string | null> {
  const known = subshells.get(kernel);
  if (known !== undefined) {
    return known;
  }
  const subshell = openSubshell(kernel).catch(() => {
    // The kernel did not say that it has none: who sends again asks again.
    subshells.delete(kernel);
    return null;
  });
  subshells.set(kernel, subshell);
  return subshell;
}

async function openSubshell(kernel: KernelConnection): Promise<string | null> {
  const info = await askOnControl(kernel, "kernel_info_request");
  const features = info.supported_features;
  if (!Array.isArray(features) || !features.includes("kernel subshells")) {
    return null;
  }
  const created = await askOnControl(kernel, "create_subshell_request");
  return typeof created.subshell_id === "string" ? created.subshell_id : null;
}

/** Asks what is answered at any time: the control channel has a thread of its own. */
async function askOnControl(
  kernel: KernelConnection,
  msgType: "create_subshell_request" | "kernel_info_request",
): Promise<Readonly<Record<string, unknown>>> {
  const request = KernelMessage.createMessage<KernelMessage.ICreateSubshellRequestMsg>({
    channel: "control",
    // Kernels answer kernel_info_request on either channel; JupyterLab's types know of one.
    msgType: msgType as "create_subshell_request",
    session: kernel.clientId,
    username: kernel.username,
    content: {},
  });
  const future = kernel.sendControlMessage(request, true);
  return new Promise((resolve, reject) => {
    // `done` also waits for a status, which is lost where the connection is younger than that.
    future.onReply = ({ content }) => resolve(content as Readonly<Record<string, unknown>>);
    future.done.catch(reject);
  });
}
