import {
  elementScroll,
  measureElement,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import { useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { chunks } from "../../text";
import { classes } from "../base/classes";
import { SafeText } from "../base/SafeText";

/** Characters that are laid out as one block. */
const CHUNK = 2000;
/** Pixels, as in drill.css; what is drawn before the box has been measured. */
const BOX_HEIGHT = 360;
const LINE_HEIGHT = 20;
const COLUMNS = 90;

interface WholeTextProps {
  readonly text: string;
  /** What it is, read aloud: "instruction 3". */
  readonly name: string;
}

/** A text of any length in a box that scrolls; only what is in sight is in the page. */
export function WholeText({ text, name }: WholeTextProps) {
  const parts = useMemo(() => chunks(text, CHUNK), [text]);
  const box = useRef<HTMLElement>(null);
  const [, redraw] = useReducer((drawn: number, _: null) => drawn + 1, 0);
  const estimateSize = (index: number): number => LINE_HEIGHT * rowsOf(parts[index]?.text ?? "");
  // What is not laid out (a hidden tab) has no height; then the estimates hold.
  const options: VirtualizerOptions<HTMLElement, HTMLElement> = {
    count: parts.length,
    getScrollElement: () => box.current,
    estimateSize,
    measureElement: (element, entry, instance) =>
      measureElement(element, entry, instance) || estimateSize(instance.indexFromElement(element)),
    initialRect: { width: 0, height: BOX_HEIGHT },
    observeElementRect: (instance, tell) =>
      observeElementRect(instance, ({ width, height }) =>
        tell({ width, height: height || BOX_HEIGHT }),
      ),
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => redraw(null),
  };
  const [virtual] = useState(() => new Virtualizer(options));
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());

  const items = virtual.getVirtualItems();
  return (
    <section
      class="mipro-wholetext"
      ref={box}
      aria-label={`The whole of ${name}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of keys
      tabIndex={0}
    >
      <div class="mipro-wholetext-length" style={`height:${virtual.getTotalSize()}px`}>
        <div style={`transform:translateY(${items[0]?.start ?? 0}px)`}>
          {items.map(({ index, key }) => (
            <div
              key={key}
              data-index={index}
              ref={virtual.measureElement}
              dir="auto"
              class={classes(
                "mipro-text",
                parts[index]?.continues && "mipro-wholetext-part--continues",
              )}
            >
              <SafeText text={parts[index]?.text || " "} />
            </div>
          ))}
        </div>
      </div>
    </section>
  );
}

function rowsOf(text: string): number {
  return text
    .split("\n")
    .reduce((rows, line) => rows + Math.max(1, Math.ceil(line.length / COLUMNS)), 0);
}
