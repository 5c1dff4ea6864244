/** Where the focus is, also within a shadow root, and how it gets back to where it came from. */

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/**
 * The element that has the focus, as seen from another one: within its own shadow root if it is
 * there, else in what is around that. Null if it is nowhere.
 */
function focusedNear(element: Element | null): HTMLElement | null {
  const root = element?.getRootNode() as Document | ShadowRoot | undefined;
  const focused = (root?.activeElement as HTMLElement | null | undefined) ?? null;
  if (focused !== null || !(root instanceof ShadowRoot)) {
    return focused;
  }
  const outside = focusedNear(root.host);
  // A host that has it hands it to nobody within.
  return outside === root.host ? null : outside;
}

export function holdsFocus(element: Element | null): boolean {
  return element?.contains(focusedNear(element)) ?? false;
}

/** Whether nothing has the focus, so that it may be taken without stealing it. */
export function isFocusLost(element: Element | null): boolean {
  return isLost(focusedNear(element));
}

function isLost(focused: HTMLElement | null): boolean {
  return focused === null || focused === document.body || !focused.isConnected;
}

/**
 * Gives the focus back when what was opened goes away with it: to what had it before, else to the
 * nearest table around.
 */
export function useFocusReturn(opened: RefObject<HTMLElement | null>, active: boolean): void {
  useLayoutEffect(() => {
    const element = opened.current;
    if (!active || element === null) {
      return;
    }
    const opener = focusedNear(element);
    const around = element.parentElement?.closest<HTMLElement>(".mipro-run, .mipro-page, .mipro");
    return () => {
      if (!holdsFocus(element) && !isFocusLost(around ?? null)) {
        return; // it is elsewhere by now, and stays there
      }
      const back =
        opener?.isConnected && !isLost(opener) && !element.contains(opener)
          ? opener
          : around?.querySelector<HTMLElement>("[role=grid]");
      back?.focus({ preventScroll: true });
    };
  }, [active]);
}

/** Has the focus begin at `wanted` within an element whenever `key` changes and the focus is lost. */
export function useFocusKept(
  root: RefObject<HTMLElement | null>,
  key: unknown,
  wanted: string,
): void {
  const known = useRef(key);
  useEffect(() => {
    if (known.current !== key) {
      known.current = key;
      if (isFocusLost(root.current)) {
        root.current?.querySelector<HTMLElement>(wanted)?.focus({ preventScroll: true });
      }
    }
  }, [key]);
}
