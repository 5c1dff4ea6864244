/** What a notebook keeps of a run: the output of a cell, and what has become known since. */

import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import type { Page, RunBundle, RunSnapshot } from "../../shared/src/generated/view-model";
import { hasEnded } from "../../shared/src/model/follow";

export const RUN_MIME = "application/vnd.mipro.run+json";
export const WIDGET_MIME = "application/vnd.jupyter.widget-view+json";

/** All views of an output share what is known of its run. */
const known = new WeakMap<IRenderMime.IMimeModel, KeptRun>();

export class KeptRun {
  readonly #output: IRenderMime.IMimeModel;
  /** Newer than what the output holds; null where nothing is. */
  #newest: RunSnapshot | null = null;
  #page: Page | null = null;

  private constructor(output: IRenderMime.IMimeModel) {
    this.#output = output;
  }

  static of(output: IRenderMime.IMimeModel): KeptRun {
    const kept = known.get(output) ?? new KeptRun(output);
    known.set(output, kept);
    return kept;
  }

  /** The view as of now; null where a later mipro_nb wrote the output in another form. */
  get bundle(): RunBundle | null {
    const stored = this.#stored;
    const snapshot = this.#newest;
    if (stored === null || snapshot === null) {
      return stored;
    }
    // There is no run without a yes.
    const permission = stored.permission && { ...stored.permission, state: "permitted" as const };
    return { ...stored, run: snapshot.summary.id, snapshot, permission };
  }

  /** The id of the output's widget; null where it has none that may be shown. */
  get widget(): string | null {
    return widgetOf(this.#output);
  }

  get newest(): RunSnapshot | null {
    return this.#newest;
  }

  /** Takes a snapshot of this run into account; tells whether it was news. */
  take(snapshot: RunSnapshot): boolean {
    const bundle = this.bundle;
    const isNews =
      bundle?.kind === "run" &&
      (bundle.run === null || bundle.run === snapshot.summary.id) &&
      (bundle.snapshot === null || isNewer(snapshot, bundle.snapshot));
    if (isNews) {
      this.#newest = snapshot;
    }
    return isNews;
  }

  /** Whether a kernel may know more: the run goes on, or waits for a yes. */
  get isGoingOn(): boolean {
    const { bundle } = this;
    if (bundle?.kind !== "run") {
      return false;
    }
    return bundle.snapshot === null
      ? bundle.permission?.state !== "declined"
      : !hasEnded(bundle.snapshot.summary.state);
  }

  takePage(page: Page): void {
    this.#page = page;
  }

  /** Takes into account that the kernel is gone; tells whether that was news of this run. */
  loseKernel(): boolean {
    const snapshot = this.bundle?.snapshot ?? null;
    if (
      snapshot === null ||
      hasEnded(snapshot.summary.state) ||
      snapshot.summary.lives === "elsewhere"
    ) {
      return false;
    }
    const summary = { ...snapshot.summary, state: "cut off", lives: "ended", eta: null } as const;
    return this.take({ ...snapshot, summary });
  }

  /** Puts what is known into the output, for the notebook file. */
  store(): void {
    const { bundle } = this;
    if (bundle !== null && (this.#newest !== null || this.#page !== null)) {
      const data = { ...this.#output.data, ...this.#page, [RUN_MIME]: bundle as never };
      this.#newest = null;
      this.#page = null;
      this.#output.setData({ data });
    }
  }

  get #stored(): RunBundle | null {
    const value = this.#output.data[RUN_MIME] as unknown as RunBundle | undefined;
    return value?.schema === 1 ? value : null;
  }
}

/** The id of an output's widget; null where it has none that may be shown. */
export function widgetOf(output: IRenderMime.IMimeModel): string | null {
  // A widget brings its code with it: only a trusted notebook may run that.
  if (!output.trusted) {
    return null;
  }
  const view = output.data[WIDGET_MIME] as { readonly model_id?: unknown } | undefined;
  return typeof view?.model_id === "string" && view.model_id !== "" ? view.model_id : null;
}

function isNewer(snapshot: RunSnapshot, known: RunSnapshot): boolean {
  return (
    snapshot.seq > known.seq ||
    (snapshot.seq === known.seq &&
      (snapshot.summary.state !== known.summary.state ||
        // What can be looked into without a kernel comes last.
        snapshot.details.length > known.details.length))
  );
}
