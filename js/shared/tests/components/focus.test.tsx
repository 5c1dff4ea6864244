import { act, render } from "@testing-library/preact";
import { useRef } from "preact/hooks";
import { afterEach, describe, expect, it } from "vitest";
import { useFocusKept } from "../../src/components/base/focus";

function View({ shown }: { readonly shown: string }) {
  const root = useRef<HTMLDivElement>(null);
  useFocusKept(root, shown, "button");
  return (
    <div ref={root}>
      <button key={shown} type="button">
        {shown}
      </button>
    </div>
  );
}

/** A view in the page itself or in a shadow root, as notebooks have it, and a field beside it. */
function places(shadow: boolean) {
  const field = document.body.appendChild(document.createElement("input"));
  const host = document.body.appendChild(document.createElement("div"));
  const root = shadow ? host.attachShadow({ mode: "open" }) : host;
  const container = root.appendChild(document.createElement("div"));
  const { rerender } = render(<View shown="first" />, { container });
  const button = () => container.querySelector("button") as HTMLButtonElement;
  const show = (shown: string) => act(() => rerender(<View shown={shown} />));
  const focused = () => (shadow ? (root as ShadowRoot).activeElement : document.activeElement);
  return { field, button, show, focused };
}

afterEach(() => document.body.replaceChildren());

describe.each([
  ["in the page", false],
  ["in a shadow root", true],
])("a view %s", (_, shadow) => {
  it("leaves the focus where a person has it outside", () => {
    const { field, show } = places(shadow);
    field.focus();
    show("second");
    expect(document.activeElement).toBe(field);
  });

  it("takes the focus up that went away with what had it", () => {
    const { button, show, focused } = places(shadow);
    button().focus();
    show("second");
    expect(focused()).toBe(button());
    expect(button().textContent).toBe("second");
  });

  it("has it begin within where nothing has it", () => {
    const { button, show, focused } = places(shadow);
    show("second");
    expect(focused()).toBe(button());
  });
});
