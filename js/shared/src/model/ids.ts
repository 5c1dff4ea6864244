import { useState } from "preact/hooks";

// A page has many roots, and two bundles of this code: Preact starts to count again in each.
const bundle = Math.random().toString(36).slice(2, 10);
let given = 0;

/** An id that no other element of the page has, whatever else is drawn on it. */
export function usePageId(): string {
  const [id] = useState(() => {
    given += 1;
    return `mipro-${bundle}-${given}`;
  });
  return id;
}
