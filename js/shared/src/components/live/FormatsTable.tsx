import { formatCount, formatScore, formatTokens } from "../../format";
import type { MeasuredFormats } from "../../generated/view-model";
import { SafeText } from "../base/SafeText";

/** Prompt formats as they were measured, the one that was chosen, and why. */
export function FormatsTable({ formats }: { readonly formats: MeasuredFormats }) {
  const { measured, chosen, told } = formats;
  return (
    <section>
      <h3>Prompt format</h3>
      <p>
        {chosen === null && "None is chosen yet: "}
        <SafeText text={told} />.
      </p>
      <table class="mipro-formats">
        <caption class="mipro-only-read">Prompt formats, measured</caption>
        <thead>
          <tr>
            <th scope="col">Format</th>
            <th scope="col">Score</th>
            <th scope="col">Unreadable</th>
            <th scope="col">Errors</th>
            <th scope="col">Tokens</th>
          </tr>
        </thead>
        <tbody>
          {measured.map((each) => (
            <tr key={each.format} class={each.format === chosen ? "mipro-formats-chosen" : ""}>
              <th scope="row">
                <SafeText text={each.format} />
                {each.format === chosen && <span class="mipro-only-read">, chosen</span>}
              </th>
              <td>{formatScore(each.score)}</td>
              <td>{formatCount(each.unreadable)}</td>
              <td>{formatCount(each.errors)}</td>
              <td>{formatTokens(each.tokens)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
