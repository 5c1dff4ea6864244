/** Draws a run as the notebook keeps it: the widget's view without a kernel, below a line on that. */

import { render } from "preact";
import { App } from "../../shared/src/components/App";
import { Notice } from "../../shared/src/components/base/Notice";
import { Root } from "../../shared/src/components/base/Root";
import "../../widgets/src/widget.css";
import "../style/saved.css";
import type { RunBundle } from "./kept";
import { noteOn } from "./note";

/** Null draws that the bundle cannot be read. */
export function drawSaved(node: HTMLElement, bundle: RunBundle | null): void {
  render(bundle === null ? <Unreadable /> : <Saved bundle={bundle} />, node);
}

export function erase(node: HTMLElement): void {
  render(null, node);
}

function Saved({ bundle }: { readonly bundle: RunBundle }) {
  const note = noteOn(bundle);
  const summary = bundle.snapshot?.summary;
  return (
    <>
      {note !== null && (
        <Root>
          <p class="mipro-saved-note">
            {note.text} {note.command !== null && <code>{note.command}</code>}
          </p>
        </Root>
      )}
      <App
        // A view follows its kernel, not its properties: another state is another view.
        key={`${summary?.as_of} ${summary?.state}`}
        state={bundle}
        kernel={null}
        keep={keepNothing}
      />
    </>
  );
}

function keepNothing(): void {
  // The snapshot comes from where it would be kept.
}

function Unreadable() {
  return (
    <Root>
      <Notice tone="warning">
        This view was written by a later version of mipro_nb. Update mipro_nb to see it.
      </Notice>
    </Root>
  );
}
