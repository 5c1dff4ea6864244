import { formatAbout, formatCount, formatDuration, formatTokens, formatUsd } from "../../format";
import type { CallDetail } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Badge } from "../base/Badge";
import { Notice } from "../base/Notice";
import { SafeText } from "../base/SafeText";
import { useAnswer } from "./asking";
import { ClipText } from "./ClipText";
import { MessageBox, Messages } from "./Messages";

interface CallsProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  /** Null where it is a row of the testset. */
  readonly trial: number | null;
  readonly example: number;
}

/** The LM calls that one example took. */
export function Calls({ kernel, run, trial, example }: CallsProps) {
  const ask = (from: Kernel) =>
    trial === null
      ? from.ask("tested_calls", { run, example })
      : from.ask("calls", { run, trial, example });
  const [asked] = useAnswer(
    kernel === null ? null : () => ask(kernel),
    `${run} ${trial} ${example}`,
  );
  return (
    <section class="mipro-calls" aria-label={`LM calls for example ${example}`}>
      <h4>LM calls</h4>
      {kernel === null ? (
        <p class="mipro-muted">
          They are in the record: <code>%mipro show {run}</code>
        </p>
      ) : asked?.state === "refused" ? (
        <Notice tone="danger">
          <SafeText text={asked.error ?? ""} />
        </Notice>
      ) : asked === null || asked.value === null ? (
        <p class="mipro-muted" role="status">
          Fetching the calls…
        </p>
      ) : asked.value.length === 0 ? (
        <p class="mipro-muted">No call was made for this example.</p>
      ) : (
        <ol class="mipro-calls-list">
          {asked.value.map((call, place) => (
            <li key={place}>
              <Call
                call={call}
                name={
                  asked.value?.length === 1
                    ? "the call"
                    : `call ${place + 1} of ${asked.value?.length}`
                }
                kernel={kernel}
                run={run}
              />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

interface CallProps {
  readonly call: CallDetail;
  readonly name: string;
  readonly kernel: Kernel;
  readonly run: string;
}

function Call({ call, name, kernel, run }: CallProps) {
  const parameters = Object.entries(call.parameters);
  const about = call.counted === false;
  return (
    <article class="mipro-call" aria-label={name}>
      <p class="mipro-call-head">
        <strong>
          <SafeText text={call.model} />
        </strong>
        {call.program && <Badge>{call.program === "student" ? "Student" : "Result"}</Badge>}
        {call.from_cache ? <Badge tone="info">From the cache</Badge> : <Badge>Sent</Badge>}
        {call.truncated && (
          <Badge tone="warning" title="The reply ran into the limit of output tokens">
            Cut off
          </Badge>
        )}
        <span class="mipro-muted">
          {formatAbout(formatTokens(call.input_tokens), about)} tokens in ·{" "}
          {formatAbout(formatTokens(call.output_tokens), about)} out ·{" "}
          {call.from_cache ? "nothing to pay" : formatUsdWords(call.usd, about)} ·{" "}
          {formatDuration(call.seconds)}
        </span>
      </p>
      <Messages messages={call.messages} name={name} kernel={kernel} run={run} rows={6} />
      {call.thoughts != null && (
        <details class="mipro-disclosure">
          <summary>Thoughts</summary>
          <ClipText
            clip={call.thoughts}
            name={`the thoughts of ${name}`}
            kernel={kernel}
            run={run}
            rows={12}
          />
        </details>
      )}
      {call.reply !== null && (
        <MessageBox
          from="reply"
          content={call.reply}
          name={`the reply of ${name}`}
          kernel={kernel}
          run={run}
          reply
        />
      )}
      {call.reply === null && call.error === null && (
        <p class="mipro-text-empty">There was no reply.</p>
      )}
      {call.error !== null && (
        <Notice tone="danger">
          <ClipText clip={call.error} name={`the error of ${name}`} kernel={kernel} run={run} />
        </Notice>
      )}
      {parameters.length > 0 && (
        <details class="mipro-disclosure">
          <summary>
            {formatCount(parameters.length)} {parameters.length === 1 ? "parameter" : "parameters"}
          </summary>
          <dl class="mipro-facts">
            {parameters.map(([parameter, value]) => (
              <div key={parameter} class="mipro-facts-pair">
                <dt>
                  <SafeText text={parameter} />
                </dt>
                <dd>
                  <SafeText text={typeof value === "string" ? value : JSON.stringify(value)} />
                </dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </article>
  );
}

function formatUsdWords(usd: number | null, about: boolean): string {
  return usd === null ? "price unknown" : formatAbout(formatUsd(usd), about);
}
