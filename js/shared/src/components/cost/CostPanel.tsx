import { useMemo } from "preact/hooks";
import { formatCount, formatDuration, formatScore, formatUsd } from "../../format";
import type { ObjectiveRow, ObjectivesView } from "../../generated/view-model";
import { Button } from "../base/Button";
import { SafeText } from "../base/SafeText";
import { costGeometry, costOf, margin } from "./costGeometry";

interface CostPanelProps {
  readonly objectives: ObjectivesView;
  readonly onOpen: (trial: number) => void;
}

const SIZE = { width: 640, height: 220 };

/** Score against cost of the fully evaluated configurations: those that none beats, and the rest. */
export function CostPanel({ objectives, onOpen }: CostPanelProps) {
  const { told, rows } = objectives;
  return (
    <section class="mipro-cost">
      <h3>Score and cost</h3>
      <p>
        <SafeText text={told} />
      </p>
      <CostChart objectives={objectives} />
      <div class="mipro-cost-scroll">
        <table class="mipro-formats">
          <caption class="mipro-only-read">What one example takes, by configuration</caption>
          <thead>
            <tr>
              <th scope="col">Configuration</th>
              <th scope="col">Score</th>
              <th scope="col">USD</th>
              <th scope="col">Tokens</th>
              <th scope="col">LM time</th>
              <th scope="col">Characters</th>
              <th scope="col">Beaten by none</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <CostRow key={row.trial} row={row} onOpen={onOpen} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function CostRow({ row, onOpen }: { row: ObjectiveRow; onOpen: (trial: number) => void }) {
  const name = row.trial === 0 ? "Student as given" : `Trial ${formatCount(row.trial)}`;
  return (
    <tr class={row.best ? "mipro-formats-chosen" : ""}>
      <th scope="row">
        <Button kind="quiet" onClick={() => onOpen(row.trial)}>
          {name}
        </Button>
        {row.best && <span class="mipro-only-read">, the best</span>}
      </th>
      <td>{formatScore(row.score)}</td>
      <td>{formatUsd(row.usd)}</td>
      <td>{formatCount(row.tokens)}</td>
      <td>{formatDuration(row.seconds)}</td>
      <td>{formatCount(row.characters)}</td>
      <td>{row.on_front ? "yes" : ""}</td>
    </tr>
  );
}

function CostChart({ objectives }: { readonly objectives: ObjectivesView }) {
  const { cost, rows } = objectives;
  const chart = useMemo(() => costGeometry(rows, cost, SIZE), [rows, cost]);
  const format = cost === "usd" ? formatUsd : formatCount;
  const unit = cost === "usd" ? "USD per example" : "tokens per example";
  const { width, height } = SIZE;
  return (
    <figure class="mipro-chart">
      <figcaption class="mipro-chart-legend">
        <span class="mipro-chart-title">Score by {unit}</span>
        <span class="mipro-key mipro-key--full">beaten by none</span>
        <span class="mipro-key mipro-key--minibatch">others</span>
      </figcaption>
      <svg
        class="mipro-cost-chart"
        viewBox={`0 0 ${width} ${height}`}
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
