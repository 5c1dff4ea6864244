import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Size } from "../../model/chart";

/** The size of an element, kept up to date; `first` until it is laid out. */
export function useSize(first: Size) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState(first);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) {
      return;
    }
    const observer = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element;
      if (width > 0 && height > 0) {
        setSize((known) =>
          known.width === width && known.height === height ? known : { width, height },
        );
      }
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { box, size };
}
