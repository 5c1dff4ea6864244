/** How the runs of a comparison are told apart: by dashes and markers, and by colour besides. */

const dashes = ["", "7 4", "2 3", "9 3 2 3", "4 2"] as const;

const shapes = [
  "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
  "M-3.6-3.6h7.2v7.2h-7.2Z",
  "M0-4.8 4.6 3.6h-9.2Z",
  "M0-5 5 0 0 5-5 0Z",
  "M0 4.8-4.6-3.6h9.2Z",
] as const;

/** Classes in history.css; the colours of run 0, 1, 2, … */
const COLOURS = 5;

export function dashOf(run: number): string {
  return dashes[run % dashes.length] ?? "";
}

/** With more runs than shapes, each further round is drawn hollow or filled in turn. */
function isHollow(run: number): boolean {
  return Math.floor(run / shapes.length) % 2 === 1;
}

export function colourClass(run: number): string {
  return `mipro-run-colour-${run % COLOURS}`;
}

interface MarkerProps {
  readonly run: number;
  readonly x: number;
  readonly y: number;
}

export function Marker({ run, x, y }: MarkerProps) {
  return (
    <path
      class={`mipro-run-marker ${isHollow(run) ? "mipro-run-marker--hollow" : ""}`}
      transform={`translate(${x} ${y})`}
      d={shapes[run % shapes.length]}
    />
  );
}

/** A piece of a run's line with its marker, as it stands in the legend and above its column. */
export function LineSample({ run }: { readonly run: number }) {
  return (
    <svg
      class={`mipro-run-sample ${colourClass(run)}`}
      width="34"
      height="12"
      viewBox="0 0 34 12"
      aria-hidden="true"
    >
      <path class="mipro-run-line" d="M1 6H33" stroke-dasharray={dashOf(run)} />
      <Marker run={run} x={17} y={6} />
    </svg>
  );
}
