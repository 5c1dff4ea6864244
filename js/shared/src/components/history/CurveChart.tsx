import { useMemo, useState } from "preact/hooks";
import { formatCount, formatDuration, formatScore, formatUsd } from "../../format";
import { titleOf } from "../../model/words";
import { excerpt } from "../../text";
import { Select } from "../base/Field";
import { PictureMenu } from "../base/PictureMenu";
import { SafeText } from "../base/SafeText";
import { useSize } from "../base/useSize";
import { type Axis, curveGeometry, margin, type Run } from "./curves";
import { colourClass, dashOf, LineSample, Marker } from "./Marker";

const HEIGHT = 240;
/** Pixels below which the marks of the axis would touch. */
const LEAST_WIDTH = 240;

const axes: readonly { readonly value: Axis; readonly label: string; readonly unit: string }[] = [
  { value: "calls", label: "By LM calls", unit: "LM calls" },
  { value: "usd", label: "By cost", unit: "USD" },
  { value: "seconds", label: "By time", unit: "time" },
];

const formats: Readonly<Record<Axis, (value: number) => string>> = {
  calls: formatCount,
  usd: formatUsd,
  seconds: formatDuration,
};

/** The best score of each run against what had been spent on it. */
export function CurveChart({ runs }: { readonly runs: readonly Run[] }) {
  const [axis, setAxis] = useState<Axis>("calls");
  const { box, size } = useSize({ width: 640, height: HEIGHT });
  const width = Math.max(LEAST_WIDTH, size.width);
  const chart = useMemo(
    () => curveGeometry(runs, axis, { width, height: HEIGHT }),
    [runs, axis, width],
  );
  const missing = runs.filter((_, place) => !chart.curves.some((curve) => curve.run === place));
  const unit = axes.find(({ value }) => value === axis)?.unit ?? "";
  return (
    <figure class="mipro-curves">
      <figcaption class="mipro-curves-head">
        <h4 data-title>Best score so far</h4>
        <Select
          label="What the scores are drawn against"
          value={axis}
          options={axes}
          onChange={setAxis}
        />
        <PictureMenu />
      </figcaption>
      <div ref={box}>
        <svg
          data-chart
          class="mipro-curves-chart"
          width={width}
          height={HEIGHT}
          viewBox={`0 0 ${width} ${HEIGHT}`}
          role="img"
          aria-label={`Best full score so far against ${unit}: ${inWords(runs)}`}
        >
          {chart.yTicks.map(({ y, value }) => (
            <g key={value}>
              <path class="mipro-curves-grid" d={`M${margin.left} ${y}H${width - margin.right}`} />
              <text class="mipro-curves-tick" x={margin.left - 7} y={y + 4} text-anchor="end">
                {Math.round(value * 100) / 100}
              </text>
            </g>
          ))}
          {chart.xTicks.map(({ x, value }) => (
            <text
              key={value}
              class="mipro-curves-tick"
              x={x}
              y={HEIGHT - margin.bottom + 16}
              text-anchor={x > width - 40 ? "end" : "middle"}
            >
              {formats[axis](value)}
            </text>
          ))}
          <text class="mipro-curves-tick" x={width - margin.right} y={HEIGHT - 3} text-anchor="end">
            {unit}
          </text>
          {chart.curves.map(({ run, path, points }) => (
            <g key={run} class={colourClass(run)}>
              <path class="mipro-run-line" d={path} stroke-dasharray={dashOf(run)} />
              {points.map(({ x, y }) => (
                <Marker key={`${x} ${y}`} run={run} x={x} y={y} />
              ))}
            </g>
          ))}
        </svg>
      </div>
      <ul class="mipro-curves-legend">
        {runs.map(({ row }, place) => (
          <li key={row.id} data-key>
            <LineSample run={place} />
            <SafeText text={excerpt(titleOf(row), 60)} />
          </li>
        ))}
      </ul>
      {missing.length > 0 && (
        <p class="mipro-cliptext-note">
          Not drawn, for{" "}
          {axis === "usd" ? "their cost is not known" : "they have no full evaluation"}:{" "}
          <SafeText text={missing.map(({ row }) => excerpt(titleOf(row), 60)).join(", ")} />
        </p>
      )}
    </figure>
  );
}

function inWords(runs: readonly Run[]): string {
  return runs
    .map(({ row, curve }) => {
      const [first, last] = [curve[0], curve.at(-1)];
      const course =
        first === undefined || last === undefined
          ? "no full evaluation"
          : `from ${formatScore(first.score)} to ${formatScore(last.score)}`;
      return `${titleOf(row)} ${course}`;
    })
    .join("; ");
}
