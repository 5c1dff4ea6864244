/** The numbers that the permission dialog takes, as typed and as sent. */

import type { CapsView, EstimateView } from "../../generated/view-model";

export type CapName = keyof CapsView;

/** As typed: an empty text sets none. */
export type TypedCaps = Readonly<Record<CapName, string>>;

export type Parsed =
  | { readonly value: number | null; readonly error: null }
  | { readonly value: null; readonly error: string };

const WHOLE: ReadonlySet<CapName> = new Set(["max_calls", "max_tokens"]);

/** A cap as typed; thousands may be set off with commas or spaces. */
export function parseCap(name: CapName, typed: string): Parsed {
  const text = typed.replace(/[\s,_]/g, "");
  if (text === "") {
    return { value: null, error: null };
  }
  const value = Number(text);
  // Number() also takes "0x10" and "1e3", which nobody means here.
  if (!/^\d*\.?\d+$|^\d+\.$/.test(text) || !Number.isFinite(value)) {
    return { value: null, error: "Write a number, or leave it empty." };
  }
  if (value <= 0) {
    return { value: null, error: "A cap must be above 0; leave it empty for none." };
  }
  if (WHOLE.has(name) && !Number.isInteger(value)) {
    return { value: null, error: "Write a whole number." };
  }
  return { value, error: null };
}

/** The caps as typed, or null while any of them is wrong. */
export function parseCaps(typed: TypedCaps): CapsView | null {
  const parsed = {
    max_usd: parseCap("max_usd", typed.max_usd),
    max_calls: parseCap("max_calls", typed.max_calls),
    max_tokens: parseCap("max_tokens", typed.max_tokens),
    max_seconds: parseCap("max_seconds", typed.max_seconds),
  };
  if (Object.values(parsed).some(({ error }) => error !== null)) {
    return null;
  }
  return {
    max_usd: parsed.max_usd.value,
    max_calls: parsed.max_calls.value,
    max_tokens: parsed.max_tokens.value,
    max_seconds: parsed.max_seconds.value,
  };
}

export function typedCaps(caps: CapsView): TypedCaps {
  const write = (value: number | null) => (value === null ? "" : String(value));
  return {
    max_usd: caps.max_usd === null ? "" : dollars(caps.max_usd),
    max_calls: write(caps.max_calls),
    max_tokens: write(caps.max_tokens),
    max_seconds: write(caps.max_seconds),
  };
}

/** Cents are written out: "0.50"; smaller parts are kept. */
function dollars(value: number): string {
  const cents = value.toFixed(2);
  return Number(cents) === value ? cents : String(value);
}

/** A little above what this run is expected to cost, in an amount that reads well. */
export function suggestedThreshold(estimate: EstimateView): string {
  const least = Math.max((estimate.total.usd?.expected ?? 0) * 1.25, 0.01);
  const step = 10 ** Math.floor(Math.log10(least)) / 2;
  return dollars(Number((Math.ceil(least / step - 1e-9) * step).toPrecision(3)));
}
