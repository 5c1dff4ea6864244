import { createContext } from "preact";

/**
 * Puts code into a new cell of a notebook, without running it, and tells where it is.
 *
 * Null where a view can reach no notebook: then the code is there to be copied.
 */
export const PutCell = createContext<((code: string) => Promise<string>) | null>(null);
