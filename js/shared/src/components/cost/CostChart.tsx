import { useMemo } from "preact/hooks";
import { formatCount, formatScore, formatUsd } from "../../format";
import type { ObjectiveRow, ObjectivesView } from "../../generated/view-model";
import { margin } from "../../model/chart";
import { ChartKey } from "../base/ChartKey";
import { PictureMenu } from "../base/PictureMenu";
import { useSize } from "../base/useSize";
import { costGeometry, costOf } from "./costGeometry";

/** Each configuration as a dot, the Pareto front as a line of steps. */
export function CostChart({ objectives }: { readonly objectives: ObjectivesView }) {
  const { cost, rows } = objectives;
  const { box, size } = useSize({ width: 720, height: 220 });
  const chart = useMemo(() => costGeometry(rows, cost, size), [rows, cost, size]);
  const format = cost === "usd" ? formatUsd : formatCount;
  const unit = cost === "usd" ? "USD per example" : "tokens per example";
  const { width, height } = size;
  return (
    <figure class="mipro-chart">
      <figcaption class="mipro-chart-legend">
        <span class="mipro-chart-title" data-title>
          Score by {unit}
        </span>
        <ChartKey kind="full">on the Pareto front</ChartKey>
        <ChartKey kind="minibatch">others</ChartKey>
        <PictureMenu />
      </figcaption>
      <div class="mipro-chart-frame" ref={box}>
        <svg
          data-chart
          width={width}
          height={height}
          role="img"
          aria-label={`Score against ${unit}: ${inWords(rows, cost, format)}`}
        >
          {chart.yTicks.map(({ y, value }) => (
            <g key={value}>
              <path class="mipro-chart-grid" d={`M${margin.left} ${y}H${width - margin.right}`} />
              <text class="mipro-chart-tick" x={margin.left - 6} y={y + 4} text-anchor="end">
                {value}
              </text>
            </g>
          ))}
          {chart.xTicks.map(({ x, value }) => (
            <text
              key={value}
              class="mipro-chart-tick"
              x={x}
              y={height - 6}
              text-anchor={x > width - 40 ? "end" : "middle"}
            >
              {format(value)}
            </text>
          ))}
          <path class="mipro-chart-minibatch-rim" d={chart.others} />
          <path class="mipro-chart-minibatch-hole" d={chart.others} />
          <path class="mipro-chart-best" d={chart.line} />
          <path class="mipro-chart-full" d={chart.front} />
          {chart.best && (
            <circle class="mipro-chart-top" cx={chart.best.x} cy={chart.best.y} r="5.5" />
          )}
        </svg>
      </div>
    </figure>
  );
}

function inWords(
  rows: readonly ObjectiveRow[],
  cost: ObjectivesView["cost"],
  format: (value: number) => string,
): string {
  return rows
    .filter((row) => row.on_front)
    .map((row) => `${formatScore(row.score)} for ${format(costOf(row, cost))}`)
    .join(", ");
}
