/** A wire as preact hooks. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { Kernel } from "../../shared/src/model/kernel";
import type { StateChange, Wire } from "./wire";

/** Milliseconds within which a busy kernel answers; JupyterLab holds messages to it back for three. */
const PATIENCE = 6_000;

/** The kernel at the other end. */
export function useKernel(wire: Wire | null): Kernel | null {
  const kernel = useMemo(() => wire && new Kernel(wire, { patience: PATIENCE }), [wire]);
  useEffect(() => {
    // That nobody is there to hear of it is not a failure.
    kernel?.ask("hello", { keeps: true }).catch(() => {});
    return () => kernel?.close();
  }, [kernel]);
  return kernel;
}

const nothing: StateChange = {};

/** What the kernel has set of the widget's state since the wire is there. */
export function useStateChange(wire: Wire | null): StateChange {
  const [change, setChange] = useState(nothing);
  useEffect(() => {
    setChange(wire?.change ?? nothing);
    return wire?.onState(setChange);
  }, [wire]);
  return change;
}
