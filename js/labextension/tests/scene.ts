/** A page with one output of a run, and stand-ins for the notebook and the widget manager. */

import "./dragging";
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import type { KernelMessage } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";
import { Widget } from "@lumino/widgets";
import { vi } from "vitest";
import { snapshotOf, usual } from "../../dev/data";
import type { RunBundle, RunSnapshot, RunState } from "../../shared/src/generated/view-model";
import type { Request, What } from "../../shared/src/protocol";
import { RUN_MIME, WIDGET_MIME } from "../src/kept";
import type { Place } from "../src/place";
import { RunRenderer } from "../src/renderer";
import type { KernelConnection } from "../src/wire";

/** What the made-up run is called. */
export const NAME = "HotPotQA, two hops";
export const PAGE = { "text/html": "<p>a page</p>", "text/plain": "a page" };

export function snapshot(state: RunState, seq = 100): RunSnapshot {
  return { ...snapshotOf({ ...usual, state }), seq };
}

export function bundle(saved: RunSnapshot | null): RunBundle {
  return {
    schema: 1,
    kind: "run",
    run: saved === null ? null : saved.summary.id,
    snapshot: saved,
    permission: null,
    history: null,
    comparison: null,
  };
}

export class FakeOutput implements IRenderMime.IMimeModel {
  data: IRenderMime.IMimeModel["data"];
  readonly metadata = {};
  readonly trusted: boolean;

  constructor(saved: unknown, { trusted = true, widget = "w1" } = {}) {
    this.trusted = trusted;
    this.data = {
      [RUN_MIME]: saved as never,
      [WIDGET_MIME]: { version_major: 2, version_minor: 1, model_id: widget },
      "text/plain": "a run",
    };
  }

  setData({ data }: IRenderMime.IMimeModel.ISetDataOptions): void {
    this.data = data ?? this.data;
  }

  get saved(): RunBundle {
    return this.data[RUN_MIME] as unknown as RunBundle;
  }
}

/** What ipywidgets draws for a widget: "Loading widget...", until the test tells it otherwise. */
class FakeWidgetRenderer extends Widget implements IRenderMime.IRenderer {
  #drawn: () => void = () => undefined;

  renderModel(): Promise<void> {
    this.node.textContent = "Loading widget...";
    return new Promise((resolve) => {
      this.#drawn = resolve;
    });
  }

  /** The kernel has the widget: its own code draws it. */
  find(): HTMLElement {
    this.node.innerHTML = '<div class="jupyter-widgets"><div class="mipro">live</div></div>';
    this.#drawn();
    return this.node.querySelector(".mipro") as HTMLElement;
  }

  /** The kernel does not have it. */
  fail(): void {
    this.node.textContent = "Error displaying widget: model not found";
    this.#drawn();
  }

  /** The connection to the kernel is lost. */
  disconnect(): void {
    this.node.firstElementChild?.classList.add("jupyter-widgets-disconnected");
  }
}

interface ToWidget {
  readonly method: string;
  readonly content?: Request;
}

interface Question {
  readonly shell: string | null;
  readonly request: Request;
}

/** What a kernel hears and says; it answers on its control channel at any time. */
export class FakeKernel implements KernelConnection {
  readonly clientId = "page";
  readonly username = "me";
  readonly iopubMessage: Signal<never, KernelMessage.IIOPubMessage> = new Signal(this as never);
  readonly heard: KernelMessage.IShellMessage[] = [];
  readonly features: readonly string[];
  isConnected = true;

  constructor(features: readonly string[] = ["kernel subshells"]) {
    this.features = features;
  }

  /** What a connection younger than the kernel's statuses does: it hears replies, and no more. */
  sendControlMessage(message: KernelMessage.IControlMessage): never {
    if (!this.isConnected) {
      throw new Error("Could not send message: status is not connected");
    }
    const content = { supported_features: this.features, subshell_id: "s1" };
    const asked: string = message.header.msg_type;
    const future = { done: new Promise(() => {}), onReply: (_: object) => {} };
    if (asked === "kernel_info_request" || this.features.length > 0) {
      void Promise.resolve().then(() => future.onReply({ content }));
    }
    return future as never;
  }

  sendShellMessage(message: KernelMessage.IShellMessage): never {
    this.heard.push(message);
    return undefined as never;
  }

  /** What was sent to widgets, and over which shell. */
  get sent(): readonly { readonly shell: string | null; readonly data: ToWidget }[] {
    return this.heard.map(({ content, header }) => ({
      shell: header.subshell_id ?? null,
      data: (content as unknown as { readonly data: ToWidget }).data,
    }));
  }

  get asked(): readonly Question[] {
    return this.sent.flatMap(({ shell, data }) =>
      data.content === undefined ? [] : [{ shell, request: data.content }],
    );
  }

  /** The first question of this kind that arrived. */
  question(what: What): Question {
    const question = this.asked.find(({ request }) => request.what === what);
    if (question === undefined) {
      throw new Error(`Nobody asked ${what}.`);
    }
    return question;
  }

  answer(commId: string, { request }: Question, value: unknown): void {
    const content = { kind: "answer", id: request.id, value };
    this.say(commId, { method: "custom", content });
  }

  /** Sends what a widget in this kernel would send. */
  say(commId: string, data: object): void {
    const header = { msg_type: "comm_msg" };
    this.iopubMessage.emit({ header, content: { comm_id: commId, data } } as never);
  }
}

/** A notebook; at first it has a kernel and a widget manager. */
export class FakeNotebook implements Place {
  readonly kernelChanged: Signal<Place, void> = new Signal(this);
  readonly saving: Signal<Place, void> = new Signal(this);
  readonly renderers: FakeWidgetRenderer[] = [];
  readonly lost = new Set<string>();
  kernel: FakeKernel | null = new FakeKernel();
  isUnsaved = false;

  createWidgetRenderer(): FakeWidgetRenderer | null {
    if (this.kernel === null) {
      return null;
    }
    const renderer = new FakeWidgetRenderer();
    this.renderers.push(renderer);
    return renderer;
  }

  isLost(modelId: string): boolean {
    return this.lost.has(modelId);
  }

  markUnsaved(): void {
    this.isUnsaved = true;
  }

  get widget(): FakeWidgetRenderer {
    const last = this.renderers.at(-1);
    if (last === undefined) {
      throw new Error("No widget was asked for.");
    }
    return last;
  }

  save(): void {
    this.saving.emit();
    this.isUnsaved = false;
  }

  restartKernel(): void {
    this.lost.add("w1");
    this.kernelChanged.emit();
  }
}

const shown: RunRenderer[] = [];

export function show(output: FakeOutput, notebook: Place): RunRenderer {
  const renderer = new RunRenderer(notebook);
  shown.push(renderer);
  Widget.attach(renderer, document.body);
  void renderer.renderModel(output);
  return renderer;
}

/** Closes all that was shown, and lets it end. */
export async function closeAll(): Promise<void> {
  for (const renderer of shown.splice(0)) {
    renderer.dispose();
  }
  await vi.dynamicImportSettled();
  // Where preact waits for a timer that does not come any more, it draws nothing in later tests.
  await vi.advanceTimersByTimeAsync(1000);
}

/** Waits for views, which are loaded when they are needed, and for what time brings. */
export async function eventually<Found>(check: () => Found): Promise<Found> {
  for (let tries = 0; ; tries += 1) {
    try {
      return check();
    } catch (error) {
      if (tries === 1000) {
        throw error;
      }
    }
    await vi.dynamicImportSettled();
    await vi.advanceTimersByTimeAsync(50);
  }
}

export function named(name: string, run: RunSnapshot): RunSnapshot {
  return { ...run, summary: { ...run.summary, name } };
}

/** What a person reads in an output: all text that is not hidden. */
export function visibleText(renderer: RunRenderer): string {
  const copy = renderer.node.cloneNode(true) as HTMLElement;
  for (const hidden of copy.querySelectorAll(".lm-mod-hidden")) {
    hidden.remove();
  }
  return copy.textContent;
}

/** What the live widget does from time to time, and at the end of its run. */
export function tell(root: HTMLElement, told: RunSnapshot): void {
  const detail = { snapshot: told };
  root.dispatchEvent(new CustomEvent("mipro:snapshot", { detail, bubbles: true }));
}
