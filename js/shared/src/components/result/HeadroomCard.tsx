import { formatCount, formatPoints, formatScore } from "../../format";
import type { HeadroomView } from "../../generated/view-model";
import { IntervalBar, intervalText } from "../base/IntervalBar";
import { SafeText } from "../base/SafeText";
import { counted } from "../drill/counted";

/** How far very different prompts are apart, how far by chance, and what to expect of a run. */
export function HeadroomCard({ headroom }: { readonly headroom: HeadroomView }) {
  const { rows, repeats, prompts, told } = headroom;
  return (
    <section class="mipro-result" aria-label="Headroom">
      <div class="mipro-result-head">
        <h3>Headroom</h3>
      </div>
      <table class="mipro-result-scores">
        <thead>
          <tr>
            <td />
            <th scope="col">
              Score on {counted(rows, "training row")}
              {repeats > 1 && `, each asked ${formatCount(repeats)} times`}
            </th>
            <th scope="col">Over the student</th>
            <th scope="col">Unreadable</th>
            <th scope="col">Failed</th>
          </tr>
        </thead>
        <tbody>
          {prompts.map(({ prompt, score, low, high, lead, unreadable, errors }, place) => (
            <tr key={prompt}>
              <th scope="row">
                <SafeText text={prompt} />
              </th>
              <td>
                <span class="mipro-result-score">
                  <span class="mipro-result-number">{formatScore(score)}</span>
                  <IntervalBar score={score} low={low} high={high} />
                  <span class="mipro-muted mipro-small">{intervalText(low, high)}</span>
                </span>
              </td>
              <td>{place === 0 ? "" : formatPoints(lead)}</td>
              <td>{formatCount(unreadable)}</td>
              <td>{formatCount(errors)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ul class="mipro-result-told">
        {told.map((sentence) => (
          <li key={sentence}>
            <SafeText text={sentence} />
          </li>
        ))}
      </ul>
    </section>
  );
}
