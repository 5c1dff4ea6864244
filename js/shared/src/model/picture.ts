/**
 * Charts as pictures that stand alone, with title and legend: what the page's style sheets give them is
 * written into them.
 *
 * In a figure, `data-title` marks the title, `data-chart` the drawing, and `data-key` each part of the
 * legend: a small drawing and its words.
 */

const NAMESPACE = "http://www.w3.org/2000/svg";
const STYLES = [
  ...["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap"],
  ...[
    "stroke-linejoin",
    "stroke-opacity",
    "display",
    "opacity",
    "font-family",
    "font-size",
    "font-weight",
  ],
] as const;
const PAD = 12;
const LINE = 20;
/** Pixels of a PNG for one of the page: sharp in print as well. */
const SCALE = 2;

export interface Picture {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** The chart of a figure as SVG. */
export function pictureOf(figure: Element): Picture {
  const chart = figure.querySelector<SVGSVGElement>("[data-chart]");
  const title = figure.querySelector("[data-title]");
  const width = Number(chart?.getAttribute("width")) + 2 * PAD;
  const chartHeight = Number(chart?.getAttribute("height"));
  const picture = document.createElementNS(NAMESPACE, "svg");
  const page = rect(picture, colourOf(figure, "--mipro-bg"));
  if (title !== null) {
    write(picture, title, PAD, PAD + LINE / 2);
  }
  if (chart !== null) {
    place(picture, chart, PAD, PAD + LINE);
  }
  let x = PAD;
  let y = PAD + LINE + chartHeight + LINE / 2;
  for (const key of figure.querySelectorAll("[data-key]")) {
    const size = key.getBoundingClientRect().width;
    if (x > PAD && x + size > width - PAD) {
      x = PAD;
      y += LINE;
    }
    const sample = key.querySelector("svg");
    const room = Number(sample?.getAttribute("width") ?? 0);
    if (sample !== null) {
      place(picture, sample, x, y - Number(sample.getAttribute("height")) / 2);
    }
    write(picture, key, x + room + 6, y + 4);
    x += size + 18;
  }
  const height = y + LINE;
  for (const each of [picture, page]) {
    each.setAttribute("width", String(width));
    each.setAttribute("height", String(height));
  }
  return { svg: new XMLSerializer().serializeToString(picture), width, height };
}

/** A picture as PNG. */
export async function pngOf({ svg, width, height }: Picture): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
  const context = canvas.getContext("2d");
  context?.scale(SCALE, SCALE);
  context?.drawImage(image, 0, 0, width, height);
  const blob = await new Promise<Blob | null>((made) => canvas.toBlob(made, "image/png"));
  if (blob === null) {
    throw new Error("This browser makes no PNG of the chart: save it as SVG.");
  }
  return blob;
}

/** Puts a copy of a drawing into the picture. */
function place(picture: Element, drawing: SVGSVGElement, x: number, y: number): void {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const originals = [drawing, ...drawing.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((element, at) => {
    const original = originals[at];
    if (original !== undefined) {
      dress(element, original);
    }
  });
  copy.setAttribute("x", String(x));
  copy.setAttribute("y", String(y));
  picture.append(copy);
}

function write(picture: Element, words: Element, x: number, y: number): void {
  const text = document.createElementNS(NAMESPACE, "text");
  dress(text, words);
  text.style.setProperty("fill", plain(getComputedStyle(words).color));
  text.setAttribute("x", String(x));
  text.setAttribute("y", String(y));
  text.textContent = words.textContent;
  picture.append(text);
}

function rect(picture: Element, fill: string): Element {
  const page = document.createElementNS(NAMESPACE, "rect");
  page.setAttribute("fill", fill);
  picture.append(page);
  return page;
}

/** Gives an element the looks that the page's style sheets give to another. */
function dress(element: Element, original: Element): void {
  const computed = getComputedStyle(original);
  const looks = STYLES.map((name) => `${name}:${plain(computed.getPropertyValue(name))}`);
  element.removeAttribute("class");
  element.setAttribute("style", looks.join(";"));
}

function colourOf(figure: Element, variable: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${variable})`;
  figure.append(probe);
  const colour = plain(getComputedStyle(probe).color);
  probe.remove();
  return colour;
}

/** A colour as programs other than browsers read it: mixed ones are told by their parts. */
function plain(value: string): string {
  const mixed = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.]+))?\)$/.exec(value);
  if (mixed === null) {
    return value;
  }
  const [red, green, blue] = mixed.slice(1, 4).map((part) => Math.round(Number(part) * 255));
  return mixed[4] === undefined
    ? `rgb(${red}, ${green}, ${blue})`
    : `rgba(${red}, ${green}, ${blue}, ${mixed[4]})`;
}
