import { formatScore } from "../../format";
import type { ResultView } from "../../generated/view-model";
import { IntervalBar, intervalText } from "../base/IntervalBar";
import { counted } from "../drill/counted";

interface ResultScoresProps {
  readonly result: ResultView;
  readonly testRows: number;
}

type Scored = ResultView["scores"][number];

/** The result beside the student, as given and with labelled demos: what they score and take. */
export function ResultScores({ result, testRows }: ResultScoresProps) {
  const { scores, changed } = result;
  const best = changed ? scores.length - 1 : 0;
  const tested = scores.some(({ test }) => test !== null);
  const priced = scores.some(({ call }) => call != null);
  const rows = scores[0]?.examples ?? 0;
  return (
    <table class="mipro-result-scores">
      <thead>
        <tr>
          <td />
          <th scope="col">Score on {counted(rows, "validation row")}</th>
          {tested && <th scope="col">Test score on {counted(testRows, "row")}</th>}
          {priced && <th scope="col">A call takes</th>}
        </tr>
      </thead>
      <tbody>
        {scores.map((row, place) => (
          <tr key={row.what} class={place === best ? "mipro-result-best" : undefined}>
            <th scope="row">{row.what}</th>
            <td>
              <ScoreCell score={row.score} low={row.low} high={row.high} />
              {row.examples !== rows && (
                <span class="mipro-muted mipro-small"> on {counted(row.examples, "row")}</span>
              )}
            </td>
            {tested && (
              <td>
                <ScoreCell score={row.test} low={row.test_low} high={row.test_high} />
              </td>
            )}
            {priced && <td class="mipro-muted mipro-small">{row.call ?? "–"}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function ScoreCell({ score, low, high }: Pick<Scored, "low" | "high"> & { score: number | null }) {
  if (score === null) {
    return <span class="mipro-muted">–</span>;
  }
  return (
    <span class="mipro-result-score">
      <span class="mipro-result-number">{formatScore(score)}</span>
      <IntervalBar score={score} low={low} high={high} />
      <span class="mipro-muted mipro-small">{intervalText(low, high)}</span>
    </span>
  );
}
