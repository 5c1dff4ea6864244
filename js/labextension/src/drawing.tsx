/** Draws a run as the notebook keeps it: the widget's view, below a line on that. */

import { render } from "preact";
import { App } from "../../shared/src/components/App";
import { Notice } from "../../shared/src/components/base/Notice";
import { Root } from "../../shared/src/components/base/Root";
import type { RunSnapshot } from "../../shared/src/generated/view-model";
import { usePresence } from "../../shared/src/model/hooks";
import "../../widgets/src/widget.css";
import "../style/saved.css";
import type { RunBundle } from "../../shared/src/generated/view-model";
import { noteOn } from "./note";
import type { Wire } from "./wire";
import { useKernel, useStateChange } from "./wired";

export interface Drawn {
  /** Null draws that the bundle cannot be read. */
  readonly bundle: RunBundle | null;
  /** Null where no kernel is asked: then all is read-only. */
  readonly wire: Wire | null;
  /** Is given what comes over the wire. */
  readonly keep: (snapshot: RunSnapshot) => void;
}

export function drawSaved(node: HTMLElement, { bundle, wire, keep }: Drawn): void {
  render(
    bundle === null ? <Unreadable /> : <Saved bundle={bundle} wire={wire} keep={keep} />,
    node,
  );
}

export function erase(node: HTMLElement): void {
  render(null, node);
}

function Saved({ bundle, wire, keep }: Drawn & { readonly bundle: RunBundle }) {
  const kernel = useKernel(wire);
  const change = useStateChange(wire);
  const note = usePresence(kernel) === "absent" ? noteOn(bundle) : null;
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
        // A view follows its kernel; without one, another state is another view.
        key={kernel === null ? `${summary?.as_of} ${summary?.state}` : "wired"}
        state={{ ...bundle, ...change }}
        kernel={kernel}
        keep={keep}
      />
    </>
  );
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
