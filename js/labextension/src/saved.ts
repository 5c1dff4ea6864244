/** The place for a run as the notebook keeps it; how that is drawn is loaded when it is needed. */

import { Widget } from "@lumino/widgets";
import type { Drawn } from "./drawing";

export class SavedView extends Widget {
  #isDrawn = false;
  /** Puts off what was to be drawn before. */
  #latest = 0;

  get isDrawn(): boolean {
    return this.#isDrawn;
  }

  draw(drawn: Drawn): void {
    this.#isDrawn = true;
    void this.#change(({ drawSaved }) => drawSaved(this.node, drawn));
  }

  clear(): void {
    if (this.#isDrawn) {
      this.#isDrawn = false;
      void this.#change(({ erase }) => erase(this.node));
    }
  }

  override dispose(): void {
    this.clear();
    super.dispose();
  }

  async #change(change: (drawing: typeof import("./drawing")) => void): Promise<void> {
    this.#latest += 1;
    const mine = this.#latest;
    const drawing = await import("./drawing");
    if (mine === this.#latest) {
      change(drawing);
    }
  }
}
