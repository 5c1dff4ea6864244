import {
  formatAbout,
  formatClock,
  formatCount,
  formatDateTime,
  formatDuration,
  formatScore,
  formatTokens,
  formatUsd,
} from "../../format";
import type { TrialRow } from "../../generated/view-model";
import { choices, choiceText, kindNames, triedText } from "../../model/words";
import type { Column } from "../base/DataTable";
import { IntervalBar } from "../base/IntervalBar";
import { numberColumn } from "../base/numberColumn";
import { SafeText } from "../base/SafeText";

/** How a trial stands that has not ended: as its run does. */
export type Begun = "running" | "paused" | "unfinished";

/** Beyond so many predictors their columns would leave no room for the rest. */
const mostColumns = 3;

/**
 * The columns of the trial table.
 *
 * `predictors` are those of the program, `begun` says how a trial stands that has not ended, and
 * `formats` whether trials differ in their prompt format.
 */
export function trialColumns(
  predictors: readonly string[],
  begun: Begun,
  formats: boolean,
): readonly Column<TrialRow>[] {
  return [
    numberColumn({
      id: "trial",
      header: "#",
      title: "Trial",
      width: "54px",
      value: (row) => row.trial,
    }),
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
      id: "score",
      header: "Score",
      title: "Score and its 95 % interval",
      width: "204px",
      value: (row) => row.score,
      largestFirst: true,
      cell: (row) => <Score row={row} />,
    },
    ...configurationColumns(predictors),
    ...(formats ? [formatColumn] : []),
    numberColumn({
      id: "examples",
      header: "Examples",
      width: "72px",
      value: (row) => row.scored,
      cell: examplesText,
    }),
    numberColumn({
      id: "usd",
      header: "Cost",
      width: "92px",
      value: (row) => row.usd,
      cell: (row) => formatAbout(formatUsd(row.usd), row.about),
    }),
    numberColumn({
      id: "calls",
      header: "Calls",
      title: "LM calls",
      width: "56px",
      value: (row) => row.calls,
      format: formatCount,
    }),
    numberColumn({
      id: "seconds",
      header: "Time",
      title: "Duration",
      width: "96px",
      value: (row) => row.seconds,
      cell: (row) => (row.seconds === null ? "" : formatDuration(Math.max(0, row.seconds))),
    }),
    {
      id: "state",
      header: "State",
      width: "92px",
      value: (row) => row.state,
      text: (row) => standsAt(row, begun),
      cell: (row) => <State row={row} begun={begun} />,
    },
    numberColumn({
      id: "low",
      header: "Low",
      title: "Lower end of the 95 % interval",
      width: "60px",
      hidden: true,
      value: (row) => row.low,
      format: formatScore,
    }),
    numberColumn({
      id: "high",
      header: "High",
      title: "Upper end of the 95 % interval",
      width: "60px",
      hidden: true,
      value: (row) => row.high,
      format: formatScore,
    }),
    numberColumn({
      id: "reused",
      header: "Reused",
      title: "Examples scored by an earlier trial",
      width: "70px",
      hidden: true,
      value: (row) => row.reused,
    }),
    numberColumn({
      id: "errors",
      header: "Failed",
      title: "Failed examples",
      width: "64px",
      hidden: true,
      value: (row) => row.errors,
    }),
    numberColumn({
      id: "cached_calls",
      header: "Cached",
      title: "Calls answered from the record",
      width: "70px",
      hidden: true,
      value: (row) => row.cached_calls,
    }),
    numberColumn({
      id: "input_tokens",
      header: "Tokens in",
      title: "Input tokens",
      width: "86px",
      hidden: true,
      value: (row) => row.input_tokens,
      format: (tokens, row) => formatAbout(formatTokens(tokens), row.about),
    }),
    numberColumn({
      id: "output_tokens",
      header: "Tokens out",
      title: "Output tokens",
      width: "90px",
      hidden: true,
      value: (row) => row.output_tokens,
      format: (tokens, row) => formatAbout(formatTokens(tokens), row.about),
    }),
    numberColumn({
      id: "asked_at",
      header: "Asked at",
      width: "76px",
      hidden: true,
      value: (row) => row.asked_at,
      text: (row) => formatDateTime(row.asked_at),
      format: formatClock,
    }),
  ];
}

const formatColumn: Column<TrialRow> = {
  id: "format",
  header: "Format",
  title: "Prompt format",
  width: "72px",
  value: (row) => row.format ?? "",
  cell: (row) => <SafeText text={row.format ?? "as given"} />,
};

/** What a trial tries: a column for each predictor, or one for all where they are many. */
function configurationColumns(predictors: readonly string[]): readonly Column<TrialRow>[] {
  if (predictors.length < 2 || predictors.length > mostColumns) {
    const named = predictors.length > 1;
    return [
      {
        id: "configuration",
        header: "Configuration",
        width: named ? "minmax(240px, 2fr)" : "minmax(130px, 2fr)",
        value: (row) => triedText(row),
        cell: (row) => <Chips row={row} named={named} />,
      },
    ];
  }
  return predictors.map((predictor) => ({
    id: `configuration ${predictor}`,
    header: predictor,
    title: `What is tried for ${predictor}`,
    width: "minmax(136px, 1fr)",
    value: (row) => textFor(predictor, row),
    cell: (row) => <span class="mipro-chip">{textFor(predictor, row)}</span>,
  }));
}

function textFor(predictor: string, { configuration }: TrialRow): string {
  const choice = choices(configuration).find((each) => each.predictor === predictor);
  return choice === undefined ? "as given" : choiceText(choice);
}

function Chips({ row, named }: { readonly row: TrialRow; readonly named: boolean }) {
  return (
    <span class="mipro-chips" title={triedText(row)}>
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

function standsAt({ state }: TrialRow, begun: Begun): Begun | TrialRow["state"] {
  return state === "running" ? begun : state;
}

function State({ row, begun }: { readonly row: TrialRow; readonly begun: Begun }) {
  const state = standsAt(row, begun);
  return (
    <span class={`mipro-trial-state mipro-trial-state--${state.replace(" ", "-")}`}>{state}</span>
  );
}
