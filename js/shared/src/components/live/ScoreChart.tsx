import { useMemo, useRef, useState } from "preact/hooks";
import { formatCount, formatScore } from "../../format";
import type { RunSummary, TrialRow } from "../../generated/view-model";
import { margin, type Size } from "../../model/chart";
import { usePageId } from "../../model/ids";
import { choices, choiceText, formatText, kindNames, triedText } from "../../model/words";
import { ChartKey } from "../base/ChartKey";
import { classes } from "../base/classes";
import { intervalText } from "../base/IntervalBar";
import { memo } from "../base/memo";
import { PictureMenu } from "../base/PictureMenu";
import { SafeText } from "../base/SafeText";
import { useSize } from "../base/useSize";
import { counted } from "../drill/counted";
import { geometry, nearest, type Point, type ScoredRow, scored } from "./chartGeometry";

interface ScoreChartProps {
  readonly trials: readonly TrialRow[];
  readonly baseline: number | null;
  readonly best: RunSummary["best"];
  /** The number of the last trial that is planned; null where none will follow. */
  readonly planned: number | null;
  /** The trial that is open. */
  readonly selected: number | null;
  readonly onSelect: (trial: number) => void;
}

/** The scores of all trials, the best so far, and the student's own to compare with. */
export const ScoreChart = memo(ScoreChartOrNone);

function ScoreChartOrNone({ trials, ...rest }: ScoreChartProps) {
  // Most deltas only bring a running trial on: then there is nothing to draw.
  const rows = useSameItems(useMemo(() => scored(trials), [trials]));
  return rows.length === 0 ? (
    <figure class="mipro-chart mipro-chart--empty">
      <figcaption>The first scores will appear here.</figcaption>
    </figure>
  ) : (
    <DrawnScoreChart {...rest} rows={rows} />
  );
}

interface DrawnScoreChartProps extends Omit<ScoreChartProps, "trials"> {
  readonly rows: readonly ScoredRow[];
}

function DrawnScoreChart({
  rows,
  baseline,
  best,
  planned,
  selected,
  onSelect,
}: DrawnScoreChartProps) {
  const id = usePageId();
  const { box, size } = useSize({ width: 720, height: 220 });
  const chart = useMemo(
    () => geometry(rows, baseline, size, planned),
    [rows, baseline, size, planned],
  );
  const [pointed, setPointed] = useState<number | null>(null);

  const pointOf = (trial: number | null) =>
    trial === null ? undefined : chart.points.find((point) => point.row.trial === trial);
  const pointedPoint = pointOf(pointed);
  const selectedPoint = pointOf(selected);
  const bestPoint = pointOf(best?.trial ?? null);

  function pointAt(event: PointerEvent | MouseEvent): Point | null {
    const frame = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return nearest(chart.points, event.clientX - frame.left, event.clientY - frame.top);
  }

  function press(event: KeyboardEvent): void {
    const place = chart.points.findIndex((point) => point.row.trial === (pointed ?? selected));
    const last = chart.points.length - 1;
    const targets: Record<string, number> = {
      ArrowLeft: place === -1 ? last : place - 1,
      ArrowRight: place === -1 ? 0 : place + 1,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target !== undefined) {
      event.preventDefault();
      const point = chart.points[Math.max(0, Math.min(last, target))];
      setPointed(point?.row.trial ?? null);
    } else if (event.key === "Enter" && pointedPoint !== undefined) {
      event.preventDefault();
      onSelect(pointedPoint.row.trial);
    }
  }

  const { width, height } = size;
  const focusRow = pointedPoint?.row ?? rows.at(-1);
  return (
    <figure class={classes("mipro-chart", rows.length > 300 && "mipro-chart--dense")}>
      <figcaption class="mipro-chart-legend">
        <span class="mipro-chart-title" data-title>
          Score by trial
        </span>
        <ChartKey kind="minibatch">minibatch</ChartKey>
        <ChartKey kind="full">full evaluation</ChartKey>
        <ChartKey kind="best">best so far</ChartKey>
        {baseline !== null && <ChartKey kind="baseline">student</ChartKey>}
        <PictureMenu />
      </figcaption>
      <div
        class="mipro-chart-frame"
        ref={box}
        role="slider"
        tabIndex={0}
        aria-label="Score by trial; arrows go from trial to trial, Enter opens one"
        aria-describedby={`${id}-about`}
        aria-valuemin={rows[0]?.trial ?? 0}
        aria-valuemax={rows.at(-1)?.trial ?? 0}
        aria-valuenow={focusRow?.trial ?? 0}
        aria-valuetext={focusRow === undefined ? "" : trialText(focusRow)}
        onPointerMove={(event) => setPointed(pointAt(event)?.row.trial ?? null)}
        onPointerLeave={() => setPointed(null)}
        onBlur={() => setPointed(null)}
        onKeyDown={press}
        onClick={(event) => {
          const point = pointAt(event);
          if (point !== null) {
            onSelect(point.row.trial);
          }
        }}
        style={pointedPoint ? "cursor:pointer" : undefined}
      >
        <svg width={width} height={height} aria-hidden="true" data-chart>
          {chart.yTicks.map(({ y, value }) => (
            <g key={value}>
              <line
                class="mipro-chart-grid"
                x1={margin.left}
                x2={width - margin.right}
                y1={y}
                y2={y}
              />
              <text class="mipro-chart-tick" x={margin.left - 6} y={y + 4} text-anchor="end">
                {value}
              </text>
            </g>
          ))}
          {chart.xTicks.map(({ x, value }) => (
            <text key={value} class="mipro-chart-tick" x={x} y={height - 6} text-anchor="middle">
              {formatCount(value)}
            </text>
          ))}
          {chart.baselineY !== null && (
            <line
              class="mipro-chart-baseline"
              x1={margin.left}
              x2={width - margin.right}
              y1={chart.baselineY}
              y2={chart.baselineY}
            />
          )}
          <path class="mipro-chart-minibatch-rim" d={chart.minibatches} />
          <path class="mipro-chart-minibatch-hole" d={chart.minibatches} />
          <path class="mipro-chart-best" d={chart.bestLine} />
          <path class="mipro-chart-whiskers" d={chart.whiskers} />
          <path class="mipro-chart-full" d={chart.fulls} />
          {bestPoint && <circle class="mipro-chart-top" cx={bestPoint.x} cy={bestPoint.y} r="5" />}
          {selectedPoint && (
            <circle class="mipro-chart-selected" cx={selectedPoint.x} cy={selectedPoint.y} r="8" />
          )}
          {pointedPoint && (
            <circle class="mipro-chart-pointed" cx={pointedPoint.x} cy={pointedPoint.y} r="6.5" />
          )}
        </svg>
        {pointedPoint && <Tip point={pointedPoint} size={size} />}
      </div>
      <p class="mipro-only-read" id={`${id}-about`}>
        {aboutText(rows, baseline, best)}
      </p>
    </figure>
  );
}

function Tip({ point, size }: { readonly point: Point; readonly size: Size }) {
  const { row, x, y } = point;
  const toLeft = x > size.width / 2;
  const side = toLeft ? `right:${size.width - x + 12}px` : `left:${x + 12}px`;
  const edge = y > size.height / 2 ? `bottom:${size.height - y - 10}px` : `top:${y - 10}px`;
  const interval = intervalText(row.low, row.high);
  return (
    <div class="mipro-tip" style={`${side};${edge}`} aria-hidden="true">
      <div class="mipro-tip-title">
        Trial {row.trial} · {kindNames[row.kind]}
      </div>
      <div>
        <strong>{formatScore(row.score)}</strong>
        {interval && <span class="mipro-muted"> ({interval})</span>}
        <span class="mipro-muted"> on {counted(row.examples, "example")}</span>
      </div>
      {choices(row.configuration).map((choice) => (
        <div key={choice.predictor} class="mipro-muted">
          <SafeText text={choice.predictor} />: {choiceText(choice)}
        </div>
      ))}
      {row.format != null && (
        <div class="mipro-muted">
          <SafeText text={formatText(row.format)} />
        </div>
      )}
    </div>
  );
}

function trialText(row: TrialRow): string {
  const interval = intervalText(row.low, row.high);
  const parts = [
    `Trial ${row.trial}`,
    kindNames[row.kind],
    `score ${formatScore(row.score)}${interval === undefined ? "" : ` (${interval})`}`,
    counted(row.examples, "example"),
    triedText(row),
  ];
  return parts.join(", ");
}

function aboutText(
  rows: readonly TrialRow[],
  baseline: number | null,
  best: RunSummary["best"],
): string {
  const full = rows.filter((row) => row.kind !== "minibatch").length;
  const sentences = [
    `${counted(rows.length, "scored trial")}, ${formatCount(full)} of them on all examples.`,
  ];
  if (baseline !== null) {
    sentences.push(`The student scores ${formatScore(baseline)}.`);
  }
  if (best !== null) {
    sentences.push(`The best so far is trial ${best.trial} with ${formatScore(best.score)}.`);
  }
  return sentences.join(" ");
}

/** The list of an earlier drawing while it holds the same items. */
function useSameItems<Item>(items: readonly Item[]): readonly Item[] {
  const kept = useRef(items);
  const same =
    kept.current.length === items.length && items.every((item, at) => item === kept.current[at]);
  if (!same) {
    kept.current = items;
  }
  return kept.current;
}
