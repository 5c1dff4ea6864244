import { cleanup } from "@testing-library/preact";
import { afterEach } from "vitest";

afterEach(cleanup);

/** jsdom lays nothing out, so a size never changes in it. */
class NoResizes implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

globalThis.ResizeObserver ??= NoResizes;
