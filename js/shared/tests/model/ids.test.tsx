import { render, screen } from "@testing-library/preact";
import { expect, it } from "vitest";
import { TextField } from "../../src/components/base/Field";

it("gives each field an id of its own, whatever root it is drawn in", () => {
  for (const label of ["Seconds", "Tokens"]) {
    render(<TextField label={label} value={`${label} typed`} onInput={() => {}} />);
  }
  // Two cells of a notebook: the label of one must not lead to the field of the other.
  for (const label of ["Seconds", "Tokens"]) {
    expect(screen.getByLabelText(label)).toHaveProperty("value", `${label} typed`);
  }
});
