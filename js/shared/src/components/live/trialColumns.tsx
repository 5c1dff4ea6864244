import {
  formatAbout,
  formatClock,
  formatCount,
  formatDuration,
  formatScore,
  formatTokens,
  formatUsd,
} from "../../format";
import type { TrialRow } from "../../generated/view-model";
import { choices, choiceText, configurationText, kindNames } from "../../model/words";
import type { Column } from "../base/DataTable";
import { IntervalBar } from "../base/IntervalBar";
import { SafeText } from "../base/SafeText";

/**
 * The columns of the trial table.
 *
 * `named` says whether predictors have to be told apart, `going` whether a running trial runs still.
 */
export function trialColumns(named: boolean, going: boolean): readonly Column<TrialRow>[] {
  return [
    {
      id: "trial",
      header: "#",
      title: "Trial",
      width: "54px",
      align: "end",
      value: (row) => row.trial,
    },
    {
      id: "kind",
      header: "Kind",
      width: "82px",
      value: (row) => row.kind,
      cell: (row) => (
        <span class={`mipro-kind mipro-kind--${row.kind}`}>{kindNames[row.kind]}</span>
      ),
    },
    {
      id: "configuration",
      header: "Configuration",
      width: named ? "minmax(240px, 2fr)" : "minmax(130px, 2fr)",
      value: (row) => configurationText(row.configuration),
      cell: (row) => <Chips row={row} named={named} />,
    },
    {
      id: "examples",
      header: "Examples",
      width: "84px",
      align: "end",
      value: (row) => row.scored,
      cell: examplesText,
    },
    {
      id: "score",
      header: "Score",
      title: "Score and its 95 % interval",
      width: "216px",
      value: (row) => row.score,
      largestFirst: true,
      cell: (row) => <Score row={row} />,
    },
    {
      id: "usd",
      header: "Cost",
      width: "76px",
      align: "end",
      value: (row) => row.usd,
      cell: (row) => formatAbout(formatUsd(row.usd), row.about),
    },
    {
      id: "calls",
      header: "Calls",
      title: "LM calls",
      width: "56px",
      align: "end",
      value: (row) => row.calls,
      cell: (row) => formatCount(row.calls),
    },
    {
      id: "seconds",
      header: "Time",
      title: "Duration",
      width: "96px",
      align: "end",
      value: (row) => row.seconds,
      cell: (row) => (row.seconds === null ? "" : formatDuration(Math.max(0, row.seconds))),
    },
    {
      id: "state",
      header: "State",
      width: "92px",
      value: (row) => row.state,
      cell: (row) => <State row={row} going={going} />,
    },
    {
      id: "reused",
      header: "Reused",
      title: "Examples scored by an earlier trial",
      width: "70px",
      align: "end",
      hidden: true,
      value: (row) => row.reused,
    },
    {
      id: "errors",
      header: "Failed",
      title: "Failed examples",
      width: "64px",
      align: "end",
      hidden: true,
      value: (row) => row.errors,
    },
    {
      id: "cached_calls",
      header: "Cached",
      title: "Calls answered from the record",
      width: "70px",
      align: "end",
      hidden: true,
      value: (row) => row.cached_calls,
    },
    {
      id: "input_tokens",
      header: "Tokens in",
      title: "Input tokens",
      width: "86px",
      align: "end",
      hidden: true,
      value: (row) => row.input_tokens,
      cell: (row) => formatAbout(formatTokens(row.input_tokens), row.about),
    },
    {
      id: "output_tokens",
      header: "Tokens out",
      title: "Output tokens",
      width: "90px",
      align: "end",
      hidden: true,
      value: (row) => row.output_tokens,
      cell: (row) => formatAbout(formatTokens(row.output_tokens), row.about),
    },
    {
      id: "asked_at",
      header: "Asked at",
      width: "76px",
      align: "end",
      hidden: true,
      value: (row) => row.asked_at,
      cell: (row) => formatClock(row.asked_at),
    },
  ];
}

function Chips({ row, named }: { readonly row: TrialRow; readonly named: boolean }) {
  return (
    <span class="mipro-chips" title={configurationText(row.configuration)}>
      {choices(row.configuration).map((choice) => (
        <span key={choice.predictor} class="mipro-chip">
          {named && (
            <span class="mipro-muted">
              <SafeText text={choice.predictor} />:{" "}
            </span>
          )}
          {choiceText(choice)}
        </span>
      ))}
    </span>
  );
}

function examplesText({ scored, examples }: TrialRow): string {
  return scored === examples
    ? formatCount(examples)
    : `${formatCount(scored)}/${formatCount(examples)}`;
}

function Score({ row }: { readonly row: TrialRow }) {
  if (row.score === null) {
    return <span class="mipro-muted">–</span>;
  }
  return (
    <span class="mipro-score">
      <span class="mipro-score-number">{formatScore(row.score)}</span>
      <IntervalBar score={row.score} low={row.low} high={row.high} />
      {row.low !== null && row.high !== null && (
        <span class="mipro-muted mipro-small">
          {formatScore(row.low)}
          <span aria-hidden="true">–</span>
          <span class="mipro-only-read"> to </span>
          {formatScore(row.high)}
        </span>
      )}
    </span>
  );
}

function State({ row, going }: { readonly row: TrialRow; readonly going: boolean }) {
  const state = row.state === "running" && !going ? "unfinished" : row.state;
  return (
    <span class={`mipro-trial-state mipro-trial-state--${state.replace(" ", "-")}`}>{state}</span>
  );
}
