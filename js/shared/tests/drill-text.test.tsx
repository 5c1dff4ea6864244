import { render, screen } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { ClipText } from "../src/components/drill/ClipText";
import { ClipDiff, TextDiff } from "../src/components/drill/TextDiff";
import { faults } from "./drill-axe";
import { clip, hostile, kernelWith, later, RUN } from "./drill-fixtures";

const button = (name: string | RegExp) => screen.getByRole("button", { name });
const noButton = (name: string | RegExp) => screen.queryByRole("button", { name });

describe("ClipText", () => {
  it("shows tags, scripts and links as the characters that they are", () => {
    const text = `${hostile.tags}\n${hostile.markdown}`;
    const { container } = render(
      <ClipText clip={clip(text)} name="instruction 1" kernel={null} run={RUN} />,
    );
    expect(container).toHaveProperty("textContent", text);
    expect(container.querySelector("b, script, img, a, strong")).toBeNull();
    expect(window).not.toHaveProperty("broken");
  });

  it("marks what could not be seen, and tells its name", () => {
    const text = `${hostile.ansi} ${hostile.direction} ${hostile.invisible}`;
    const { container } = render(<ClipText clip={clip(text)} name="it" kernel={null} run={RUN} />);
    expect(container.textContent).toBe(
      "ESC[31mredESC[0m price U+202E00.1$ U+202C then passU+200Bword U+E0041",
    );
    expect(screen.getByTitle("U+202E right-to-left override")).not.toBeNull();
    expect(screen.getByTitle("U+E0041 invisible “A”")).not.toBeNull();
  });

  it("keeps the direction of a text to itself", () => {
    const { container } = render(
      <ClipText clip={clip("שלום")} name="it" kernel={null} run={RUN} />,
    );
    expect(container.querySelector("[dir=auto]")?.textContent).toBe("שלום");
  });

  it("folds away what is longer than twelve lines", async () => {
    const text = Array.from({ length: 40 }, (_, line) => `line ${line}`).join("\n");
    const { container } = render(<ClipText clip={clip(text)} name="it" kernel={null} run={RUN} />);
    expect(container.textContent).toContain("line 11");
    expect(container.textContent).not.toContain("line 12");
    await userEvent.click(button("Show more of it"));
    expect(container.textContent).toContain("line 39");
    await userEvent.click(button("Show less of it"));
    expect(container.textContent).not.toContain("line 12");
  });

  it("fetches a line of a million characters, and puts only what is in sight into the page", async () => {
    const { kernel, asked } = kernelWith({ text: () => hostile.line });
    const { container } = render(
      <ClipText clip={clip(hostile.line)} name="it" kernel={kernel} run={RUN} />,
    );
    await userEvent.click(button("Show all (1,000,000 characters) of it"));
    const box = await screen.findByRole("region", { name: "The whole of it" });
    expect(asked).toEqual([{ what: "text", ask: { run: RUN, more: "text:1000000:" } }]);
    expect(box.textContent).toMatch(/^x{2000}/);
    expect(container.textContent?.length).toBeLessThan(100_000);
    expect(await faults(container)).toEqual([]);
  });

  it("says why the whole text is not to be had", async () => {
    const { kernel } = kernelWith({
      text: () => {
        throw new Error("This text is not in the record any more.");
      },
    });
    render(<ClipText clip={clip(hostile.line)} name="it" kernel={kernel} run={RUN} />);
    await userEvent.click(button(/Show all/));
    expect((await screen.findByRole("alert")).textContent).toBe(
      "This text is not in the record any more.",
    );
  });

  it("says where the rest is when there is no kernel", () => {
    const { container } = render(
      <ClipText clip={clip(hostile.line)} name="it" kernel={null} run={RUN} />,
    );
    expect(noButton(/Show all/)).toBeNull();
    expect(container.textContent).toContain(
      `The beginning of 1,000,000 characters; the rest is in the record: %mipro show ${RUN}`,
    );
  });

  it("says that a text was cut whose rest was not kept", () => {
    const { container } = render(
      <ClipText
        clip={{ text: "abc", characters: 5000, more: null }}
        name="it"
        kernel={null}
        run={RUN}
      />,
    );
    expect(container.textContent).toBe(
      "abc …The beginning of 5,000 characters; the rest was not kept.",
    );
  });

  it("copies the raw text, and the whole of one that was cut", async () => {
    const user = userEvent.setup();
    const { kernel } = kernelWith({ text: () => `${hostile.ansi}${hostile.direction}` });
    render(
      <>
        <ClipText clip={clip(hostile.invisible)} name="one" kernel={kernel} run={RUN} copy />
        <ClipText clip={clip(hostile.line)} name="two" kernel={kernel} run={RUN} copy />
      </>,
    );
    await user.click(button("Copy one"));
    expect(await screen.findByRole("button", { name: "Copied one" })).not.toBeNull();
    expect(await navigator.clipboard.readText()).toBe(hostile.invisible);
    await user.click(button("Copy two"));
    expect(await screen.findByRole("button", { name: "Copied two" })).not.toBeNull();
    expect(await navigator.clipboard.readText()).toBe(`${hostile.ansi}${hostile.direction}`);
  });

  it("says that nothing was copied where the whole is not to be had", async () => {
    const user = userEvent.setup();
    render(<ClipText clip={clip(hostile.line)} name="it" kernel={null} run={RUN} copy />);
    await user.click(button("Copy it"));
    expect(await screen.findByRole("button", { name: "Not copied it" })).not.toBeNull();
  });
});

describe("TextDiff", () => {
  it("tells what went and what came by more than colour", () => {
    render(<TextDiff before="Label it as spam." after="Label it as ham." name="changes" />);
    const diff = screen.getByRole("region", { name: "changes" });
    expect(diff.querySelector("del")?.textContent).toBe("removed: spam");
    expect(diff.querySelector("ins")?.textContent).toBe("added: ham");
  });

  it("shows hostile text as text", () => {
    const { container } = render(
      <TextDiff before={hostile.tags} after={`${hostile.tags} ${hostile.ansi}`} name="changes" />,
    );
    expect(container.textContent).toContain(hostile.tags);
    expect(container.textContent).toContain("ESC[31m");
    expect(container.querySelector("b, script, img")).toBeNull();
  });

  it("folds away unchanged lines until they are wanted", async () => {
    const lines = Array.from({ length: 30 }, (_, line) => `line ${line}\n`).join("");
    const { container } = render(
      <TextDiff before={`${lines}old`} after={`${lines}new`} name="changes" />,
    );
    expect(container.textContent).not.toContain("line 2\n");
    await userEvent.click(button("27 unchanged lines"));
    expect(container.textContent).toContain("line 2\n");
  });

  it("says that there is no difference", () => {
    const { container } = render(<TextDiff before="a" after="a" name="changes" />);
    expect(container.textContent).toBe("No difference.");
  });
});

describe("ClipDiff", () => {
  const cut = { text: "Begin", characters: 20, more: "text:1:" };
  const join = (texts: readonly string[]): string => texts.join("");

  it("compares whole texts once they are there", async () => {
    const answer = later<string>();
    const { kernel } = kernelWith({ text: () => answer.promise });
    const { container } = render(
      <ClipDiff
        before={[clip("Begin and old")]}
        after={[cut]}
        join={join}
        name="changes"
        kernel={kernel}
        run={RUN}
      />,
    );
    expect((await screen.findByRole("status")).textContent).toContain("Fetching the whole texts");
    answer.resolve("Begin and new");
    expect((await screen.findByText("new")).closest("ins")).not.toBeNull();
    expect(screen.queryByRole("status")).toBeNull();
    expect(await faults(container)).toEqual([]);
  });

  it("says that only beginnings are compared without a kernel", () => {
    render(
      <ClipDiff
        before={[clip("a")]}
        after={[cut]}
        join={join}
        name="changes"
        kernel={null}
        run={RUN}
      />,
    );
    expect(screen.getByRole("status").textContent).toContain("Only the beginnings are compared");
    expect(screen.getByRole("status").textContent).toContain(`%mipro show ${RUN}`);
    expect(screen.getByRole("region", { name: "changes" }).textContent).toMatch(/ …$/);
  });
});
