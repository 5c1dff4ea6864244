import { render, screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CurveChart } from "../../src/components/history/CurveChart";
import { ScoreChart } from "../../src/components/live/ScoreChart";
import { faults } from "../drill-axe";
import { historyRow } from "../drill-fixtures";
import { trial } from "../runs";

const files: Blob[] = [];
const { createObjectURL, revokeObjectURL } = URL;
const nothing = () => {};

beforeEach(() => {
  files.length = 0;
  URL.createObjectURL = (file) => `blob:${files.push(file as Blob)}`;
  URL.revokeObjectURL = () => {};
});
afterEach(() => {
  Object.assign(URL, { createObjectURL, revokeObjectURL });
  vi.restoreAllMocks();
});

function drawn() {
  const trials = [trial(0, { kind: "baseline", score: 60 }), trial(1, { score: 80 })];
  return render(
    <ScoreChart
      trials={trials}
      baseline={60}
      best={null}
      planned={null}
      selected={null}
      onSelect={nothing}
    />,
  ).container;
}

async function saved(form: "SVG" | "PNG"): Promise<void> {
  const user = userEvent.setup();
  await user.click(screen.getByRole("button", { name: "Save chart" }));
  await user.click(screen.getByRole("button", { name: form }));
}

/** Stand in for what the test's DOM lacks: images that load, and canvases that are drawn on. */
function stubDrawing() {
  vi.stubGlobal(
    "Image",
    class {
      src = "";
      decode = async () => {};
    },
  );
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
}

describe("the picture of a chart", () => {
  it("is an SVG that stands alone: with title, legend and looks, and without classes", async () => {
    const container = drawn();
    await saved("SVG");
    expect(await faults(container)).toEqual([]);
    const text = (await files[0]?.text()) ?? "";
    const picture = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    const words = [...picture.querySelectorAll("text")].map(({ textContent }) => textContent);
    for (const word of ["Score by trial", "minibatch", "full evaluation", "student", "60"]) {
      expect(words).toContain(word);
    }
    expect(picture.querySelectorAll("[class]")).toHaveLength(0);
    expect(picture.querySelectorAll("svg path").length).toBeGreaterThan(3);
    expect(files[0]?.type).toContain("image/svg+xml");
  });

  it("names the runs of a comparison as they are, never as markup", async () => {
    const row = historyRow(0, { name: "<b>bold</b>" });
    const curve = [{ calls: 10, usd: 0.1, seconds: 3, score: 50 }];
    render(<CurveChart runs={[{ row, curve, instructions: {} }]} />);
    await saved("SVG");
    const text = (await files[0]?.text()) ?? "";
    expect(text).toContain("&lt;b&gt;bold&lt;/b&gt;");
  });

  it("is a PNG of twice the size", async () => {
    const sizes: number[][] = [];
    stubDrawing();
    vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation(function (
      this: HTMLCanvasElement,
      made,
      type,
    ) {
      sizes.push([this.width, this.height]);
      made(new Blob(["png"], { type: type ?? "" }));
    });
    const container = drawn();
    await saved("PNG");
    await waitFor(() => expect(files).toHaveLength(1));
    const width = Number(container.querySelector("[data-chart]")?.getAttribute("width"));
    expect(sizes[0]?.[0]).toBe(2 * (width + 24));
    expect(files[0]?.type).toBe("image/png");
    vi.unstubAllGlobals();
  });

  it("that the browser does not make is told, with another way", async () => {
    stubDrawing();
    vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((made) => made(null));
    drawn();
    await saved("PNG");
    expect(await screen.findByText(/makes no PNG of the chart: save it as SVG/)).not.toBeNull();
    expect(files).toHaveLength(0);
    vi.unstubAllGlobals();
  });
});
