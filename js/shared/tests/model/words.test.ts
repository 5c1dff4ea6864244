import { describe, expect, it } from "vitest";
import { UNHEARD } from "../../src/model/kernel";
import { standing } from "../../src/model/standing";
import { choices, titleOf, triedText } from "../../src/model/words";
import { summary } from "../runs";

describe("a configuration", () => {
  it("reads predictor by predictor", () => {
    expect(
      triedText({
        configuration: {
          "solve:instruction": 3,
          "solve:demos": 2,
          "check:instruction": 0,
          "check:demos": 11,
          ":format": 1,
        },
        format: "json",
      }),
    ).toBe("solve: instr 3 · demos 2, check: instr 0 · demos 11, format json");
  });

  it("names no demos where they are not searched", () => {
    expect(triedText({ configuration: { "solve:instruction": 3 } })).toBe("solve: instr 3");
  });

  it("keeps predictors whose names hold a colon apart", () => {
    expect(choices({ "a:b:instruction": 1, "a:instruction": 2 })).toEqual([
      { predictor: "a:b", instruction: 1, demos: null },
      { predictor: "a", instruction: 2, demos: null },
    ]);
  });
});

describe("a run", () => {
  it("is called by its name, else by its program", () => {
    expect(titleOf({ name: "two hops", program: "MultiHop" })).toBe("two hops");
    expect(titleOf({ name: "", program: "MultiHop" })).toBe("MultiHop");
  });
});

describe("how a run stands", () => {
  it("goes on, and can be steered, while its kernel answers", () => {
    expect(standing(summary(), "live")).toEqual({
      going: true,
      lost: false,
      reachable: true,
      notice: null,
    });
  });

  it("does not go on once the kernel is gone, and tells the way to its end", () => {
    const { going, lost, reachable, notice } = standing(summary(), "gone");
    expect([going, lost, reachable]).toEqual([false, true, false]);
    expect(notice?.text).toMatch(/^The kernel is gone\. .* as of 14:05; .*%mipro show 20261124/);
  });

  it("is as it was saved where there is no kernel", () => {
    expect(standing(summary(), "absent").notice?.text).toMatch(
      /^No kernel answers\. .* as of 14:05, when it was still going on/,
    );
    const ended = standing(summary({ state: "finished", lives: "ended" }), "absent");
    expect(ended).toEqual({ going: false, lost: false, reachable: false, notice: null });
  });

  it("says of a busy kernel that it may be busy", () => {
    const { going, notice } = standing(summary(), "busy");
    expect(going).toBe(true);
    expect(notice?.text).toBe("The kernel has not answered yet; it may be busy.");
  });

  it("goes on, as far as is known, while its news are lost, and says that they are", () => {
    const { going, lost, reachable, notice } = standing(summary(), "unheard");
    expect([going, lost, reachable]).toEqual([true, false, true]);
    expect(notice).toEqual({ tone: "warning", text: UNHEARD });
    const ended = standing(summary({ state: "finished", lives: "ended" }), "unheard");
    expect(ended.notice).toBeNull();
  });

  it("says how to go on after it was cut off", () => {
    expect(standing(summary({ state: "cut off" }), "live").notice?.text).toBe(
      "This run was cut off; last event 14:05. All answers so far are kept.",
    );
  });

  it("tells why it failed, and why it was stopped", () => {
    const failed = summary({ state: "failed", reason: "The key was refused." });
    expect(standing(failed, "live").notice).toEqual({
      tone: "danger",
      text: "The key was refused.",
    });
    const capped = summary({ state: "capped", reason: "The cap of $1.00 was reached." });
    expect(standing(capped, "live").notice?.text).toBe("The cap of $1.00 was reached.");
  });

  it("says of a run in another kernel that it cannot be steered from here", () => {
    expect(standing(summary({ lives: "elsewhere" }), "live").notice?.text).toContain(
      "another kernel",
    );
  });
});
