/** The anywidget module: draws a widget's state and keeps it up to date. */

import { render as draw } from "preact";
import { App } from "../../shared/src/components/App";
import { Kernel } from "../../shared/src/model/kernel";
import type { RunSnapshot } from "../../shared/src/run";
import { type AnyModel, ModelChannel, onState, stateOf } from "./anywidget";

interface View {
  readonly model: AnyModel;
  readonly el: HTMLElement;
}

function render({ model, el }: View): () => void {
  const kernel = new Kernel(new ModelChannel(model, el));

  function keep(snapshot: RunSnapshot): void {
    // Not sent to the kernel, which knows: a notebook that is saved with its widgets holds it.
    model.set("snapshot", snapshot);
    el.dispatchEvent(
      new CustomEvent("mipro:snapshot", { detail: { snapshot }, bubbles: true, composed: true }),
    );
  }

  function update(): void {
    draw(<App state={stateOf(model)} kernel={kernel} keep={keep} />, el);
  }

  const stop = onState(model, update);
  update();
  return () => {
    stop();
    draw(null, el);
    kernel.close();
  };
}

export default { render };
