/**
 * What a widget and its kernel say to each other, as custom messages.
 *
 * The widget asks with a `Request`; the kernel answers each with one `Answer` or `Refusal` of the
 * same id. While a run goes on, the kernel also sends `DeltaMessage`s unasked. What can be asked,
 * and what the kernel sends, is declared in Python: see `generated/view-model`.
 */

import type {
  Asks,
  DeltaMessage,
  PageMessage,
  WidgetAnswer,
  WidgetRefusal,
} from "./generated/view-model";

export type What = keyof Asks;

export interface Request<W extends What = What> {
  readonly kind: "request";
  readonly id: number;
  readonly what: W;
  readonly ask: Asks[W]["ask"];
}

export type FromKernel = WidgetAnswer | WidgetRefusal | DeltaMessage | PageMessage;
