import { formatCount, formatScore, formatTokens } from "../../format";
import type { MeasuredFormat, MeasuredFormats, RunSummary } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Badge } from "../base/Badge";
import { Notice } from "../base/Notice";
import { SafeText } from "../base/SafeText";
import { SteerButtons } from "../candidates/SteerButtons";
import { useSwitch } from "../candidates/steering";

interface FormatsTableProps {
  readonly kernel: Kernel | null;
  readonly summary: RunSummary;
  readonly formats: MeasuredFormats;
}

/** Prompt formats as they were measured, the one that was chosen, and why. */
export function FormatsTable({ kernel, summary, formats }: FormatsTableProps) {
  const { measured, chosen, told, searched = [] } = formats;
  const steerable = kernel !== null && summary.steerable && searched.length > 0;
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
            {searched.length > 0 && <th scope="col">In the search</th>}
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
              {searched.length > 0 && (
                <td>
                  {searched.includes(each.format) ? (
                    <SearchedFormat
                      kernel={steerable ? kernel : null}
                      run={summary.id}
                      formats={formats}
                      format={each.format}
                    />
                  ) : (
                    <span class="mipro-muted">–</span>
                  )}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface SearchedFormatProps {
  /** Null where it cannot be steered. */
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly formats: MeasuredFormats;
  readonly format: MeasuredFormat["format"];
}

/** How a format that is searched stands, and what pins or bans it. */
function SearchedFormat({ kernel, run, formats, format }: SearchedFormatProps) {
  const { searched = [], pinned = [], banned = [] } = formats;
  const card = {
    predictor: "",
    index: searched.indexOf(format),
    pinned: pinned.includes(format),
    banned: banned.includes(format),
  };
  const pin = useSwitch(kernel, run, "format", card, "pin");
  const ban = useSwitch(kernel, run, "format", card, "ban");
  return (
    <>
      {kernel !== null ? (
        <SteerButtons pin={pin} ban={ban} name={`format ${format}`} />
      ) : (
        <>
          {pin.on && <Badge tone="info">Pinned</Badge>}
          {ban.on && <Badge tone="danger">Banned</Badge>}
          {!pin.on && !ban.on && "Tried"}
        </>
      )}
      {[pin.error, ban.error].map(
        (error) =>
          error !== null && (
            <Notice key={error} tone="danger">
              <SafeText text={error} />
            </Notice>
          ),
      )}
    </>
  );
}
