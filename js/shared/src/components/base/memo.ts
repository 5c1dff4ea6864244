import { Component, type ComponentChild, type FunctionComponent, h } from "preact";

/** A component that is redrawn only when one of its properties is another one. */
export function memo<Props extends object>(
  draw: FunctionComponent<Props>,
): FunctionComponent<Props> {
  class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      return !sameEntries(this.props, next);
    }

    override render(): ComponentChild {
      return h(draw, this.props as never);
    }
  }
  return Memo as unknown as FunctionComponent<Props>;
}

function sameEntries(a: object, b: object): boolean {
  const [aEntries, bKeys] = [Object.entries(a), Object.keys(b)];
  return (
    aEntries.length === bKeys.length &&
    aEntries.every(([key, value]) => Object.is(value, (b as Record<string, unknown>)[key]))
  );
}
