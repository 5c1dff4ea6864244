/** The anywidget module: draws a widget's state and keeps it up to date. */

import { render as draw } from "preact";
import { App } from "../../shared/src/components/App";
import type { RunSnapshot } from "../../shared/src/generated/view-model";
import { Kernel } from "../../shared/src/model/kernel";
import type { FromKernel } from "../../shared/src/protocol";
import { type AnyModel, ModelChannel, onState, stateOf } from "./anywidget";

interface View {
  readonly model: AnyModel;
  readonly el: HTMLElement;
}

function render({ model, el }: View): () => void {
  const channel = new ModelChannel(model);
  const kernel = new Kernel(channel);

  /** Tells the page that hosts the widget, and may keep what it shows in the notebook. */
  function tellHost(event: string, detail: object): void {
    el.dispatchEvent(new CustomEvent(event, { detail, bubbles: true, composed: true }));
  }

  let keeping = false;

  function keep(snapshot: RunSnapshot): void {
    keeping = true;
    // Not sent to the kernel, which knows: a notebook that is saved with its widgets holds it.
    model.set("snapshot", snapshot);
    keeping = false;
    tellHost("mipro:snapshot", { snapshot });
  }

  function keepPage(message: FromKernel): void {
    if (message.kind === "page") {
      tellHost("mipro:page", { page: message.page });
    }
  }

  function update(): void {
    if (keeping) {
      return; // what is kept is what is drawn
    }
    draw(<App state={stateOf(model)} kernel={kernel} keep={keep} />, el);
  }

  function greet(): void {
    // That nobody is there to hear of it is not a failure.
    kernel.ask("hello", { keeps: el.closest(".mipro-keeps") !== null }).catch(() => {});
  }

  const stops = [onState(model, update), channel.onMessage(keepPage), whenAttached(el, greet)];
  update();
  return () => {
    for (const stop of stops) {
      stop();
    }
    draw(null, el);
    kernel.close();
  };
}

/**
 * Calls back once the element stands in its page, which is after it was drawn; after two seconds in
 * any case. A hidden page has timers, but neither frames nor layout. Returns how to stop that.
 */
function whenAttached(el: HTMLElement, callback: () => void): () => void {
  let tries = 0;
  let timer = setTimeout(look);
  function look(): void {
    tries += 1;
    if (el.isConnected || tries > 40) {
      callback();
    } else {
      timer = setTimeout(look, 50);
    }
  }
  return () => clearTimeout(timer);
}

export default { render };
