import { configure } from "@testing-library/dom";
import { act, cleanup } from "@testing-library/preact";
import { afterEach } from "vitest";

afterEach(cleanup);

configure({
  asyncUtilTimeout: 60_000, // what is waited for comes late on a busy machine
  // What a person does has its effect before the test looks: user-event does not know preact.
  eventWrapper: (event) => {
    let result: unknown;
    act(() => {
      result = event();
    });
    return result;
  },
});

/** jsdom lays nothing out, so a size never changes in it. */
class NoResizes implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

globalThis.ResizeObserver ??= NoResizes;
