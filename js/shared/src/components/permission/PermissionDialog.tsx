import { useRef, useState } from "preact/hooks";
import { formatCount, formatDuration, formatRange, formatUsd } from "../../format";
import type { PermissionRequest } from "../../generated/view-model";
import { usePageId } from "../../model/ids";
import { BUSY, GONE, type Kernel, type Presence } from "../../model/kernel";
import { settingText } from "../../model/words";
import { Button } from "../base/Button";
import { Checkbox, TextField } from "../base/Field";
import { useFocusKept } from "../base/focus";
import { Icon } from "../base/Icon";
import { Notes } from "../base/Notes";
import { Notice } from "../base/Notice";
import { SafeText } from "../base/SafeText";
import { useAction } from "../drill/asking";
import { counted } from "../drill/counted";
import { capsText } from "../live/SettingsPanel";
import { type Changes, useChanges } from "./changes";
import { costsNothing, EstimateTable } from "./EstimateTable";
import { type CapName, parseCap, parseCaps, suggestedThreshold, typedCaps } from "./limits";
import { PlanSettings } from "./PlanSettings";

interface PermissionDialogProps {
  readonly kernel: Kernel | null;
  readonly presence: Presence;
  readonly request: PermissionRequest;
}

/** Asks whether a run may be started, and says afterwards what the answer was. */
export function PermissionDialog(props: PermissionDialogProps) {
  const root = useRef<HTMLDivElement>(null);
  // The button that gave the answer took the focus with it.
  useFocusKept(root, props.request.state, ".mipro-permission-done");
  return (
    <div ref={root}>
      <QuestionOrAnswer {...props} />
    </div>
  );
}

function QuestionOrAnswer({ kernel, presence, request }: PermissionDialogProps) {
  if (request.state === "permitted") {
    return (
      <p class="mipro-permission-done" tabIndex={-1}>
        <Icon name="check" />
        <span>
          {request.resumes ? "Resumed" : "Permitted"}: <SafeText text={request.program} />, caps:{" "}
          {capsText(request.caps)}
          {changedText(request)}.
        </span>
      </p>
    );
  }
  if (request.state === "joined") {
    return (
      <p class="mipro-permission-done" tabIndex={-1}>
        <Icon name="check" />
        <span>Joined run {request.joins}, which is already running. No new run was started.</span>
      </p>
    );
  }
  if (request.state === "declined") {
    return (
      <p class="mipro-permission-done" tabIndex={-1}>
        <Icon name="ban" />
        <span>Cancelled. No LM call was made{request.resumes && "; the run is as it was"}.</span>
      </p>
    );
  }
  // A question of its own, with caps of its own.
  const key = request.measurement ?? "only";
  return <Question key={key} kernel={kernel} presence={presence} request={request} />;
}

function Question({ kernel, presence, request }: PermissionDialogProps) {
  const id = usePageId();
  const [typed, setTyped] = useState(() => typedCaps(request.caps));
  const [remember, setRemember] = useState(false);
  const [below, setBelow] = useState(() => suggestedThreshold(request.estimate));
  const action = useAction();
  const changes = useChanges(kernel, request);
  const caps = parseCaps(typed);
  const resumes = request.resumes ?? null;
  const joins = request.joins ?? null;
  const priced = request.estimate.total.usd !== null;
  const threshold = remember && priced ? parseThreshold(below) : { value: null, error: null };
  const answerable = kernel !== null && presence !== "gone" && presence !== "absent";
  const right = caps !== null && threshold.error === null && changes.estimated !== null;

  function permit(): void {
    const settings = changes.estimated;
    if (kernel !== null && caps !== null && threshold.error === null && settings !== null) {
      action.start(async () => {
        await kernel.ask("permit", { caps, below_usd: threshold.value, settings });
      });
    }
  }

  function join(): void {
    if (kernel !== null) {
      action.start(async () => {
        await kernel.ask("join", {});
      });
    }
  }

  function measure(): void {
    if (kernel !== null) {
      action.start(async () => {
        await kernel.ask("measure", {});
      });
    }
  }

  function decline(): void {
    if (kernel !== null) {
      action.start(async () => {
        await kernel.ask("decline", {});
      });
    }
  }

  const cap = (name: CapName, label: string, prefix?: string) => (
    <TextField
      label={label}
      prefix={prefix}
      numeric
      placeholder="no cap"
      value={typed[name]}
      onInput={(value) => setTyped({ ...typed, [name]: value })}
      error={parseCap(name, typed[name]).error}
    />
  );

  return (
    // Enter in a field must not start a run by accident: only the button does.
    <form
      class="mipro-permission"
      aria-labelledby={`${id}-title`}
      onSubmit={(event) => event.preventDefault()}
    >
      <header>
        <h2 id={`${id}-title`}>
          {titleOf(request)} <SafeText text={request.program} />?
        </h2>
        <Total request={request} changes={changes} />
      </header>
      <WhatRuns request={request} />
      {request.left != null && (
        <p class="mipro-muted mipro-small">
          The estimate of the whole run, with what was answered already:
        </p>
      )}
      <EstimateTable estimate={request.estimate} />
      <PlanSettings request={request} changes={changes} disabled={!answerable || action.pending} />
      <fieldset class="mipro-caps" aria-label="Caps">
        <p class="mipro-caps-title">
          <strong>Caps</strong>{" "}
          <span class="mipro-muted">
            {measures(request) || request.tests === true
              ? "It stops there, and can be resumed under a higher cap. Empty: no cap."
              : "The run stops there and keeps the best program so far. Empty: no cap."}
            {resumes !== null && " What it has spent already counts."}
          </span>
        </p>
        <div class="mipro-caps-fields">
          {cap("max_usd", "US dollars", "$")}
          {cap("max_calls", "LM calls")}
          {cap("max_tokens", "Tokens")}
          {cap("max_seconds", "Seconds")}
        </div>
        {!priced && typed.max_usd.trim() !== "" && (
          <p class="mipro-field-hint">
            A price is unknown, so a cap in dollars cannot hold; cap the calls or tokens instead.
          </p>
        )}
      </fieldset>
      {resumes === null && (
        <div class="mipro-remember">
          <Checkbox
            label="Don't ask again in this notebook below"
            checked={remember && priced}
            disabled={!priced}
            onChange={setRemember}
          />
          {priced ? (
            <TextField
              label="Amount below which not to ask, in US dollars"
              hideLabel
              prefix="$"
              numeric
              value={below}
              disabled={!remember}
              onInput={setBelow}
              error={threshold.error}
            />
          ) : (
            <span class="mipro-muted">an amount: the price of a model is unknown</span>
          )}
        </div>
      )}
      {action.error !== null && <Notice tone="danger">{action.error}</Notice>}
      {!answerable && <Notice tone="warning">{presence === "gone" ? GONE : NO_KERNEL}</Notice>}
      {presence === "busy" && action.pending && <Notice>{BUSY}</Notice>}
      <div class="mipro-permission-buttons">
        <Button
          kind="primary"
          icon="play"
          onClick={permit}
          disabled={!right || !answerable || action.pending}
        >
          {answerOf(request)}
        </Button>
        {joins !== null && (
          <Button
            onClick={join}
            disabled={!answerable || action.pending}
            title={`Show and steer run ${joins} here, and take its program`}
          >
            Join
          </Button>
        )}
        {request.measurement === "offered" && (
          <Button
            onClick={measure}
            disabled={!answerable || action.pending}
            title="Ask a few training rows of a few prompts: is there anything to gain? You see the estimate before."
          >
            Measure headroom first
          </Button>
        )}
        <Button onClick={decline} disabled={!answerable || action.pending}>
          {request.measurement === "first" ? "Back" : "Cancel"}
        </Button>
        <span class="mipro-muted mipro-small">
          {resumes === null ? "Nothing has been sent yet." : "Nothing more has been sent yet."}
        </span>
      </div>
    </form>
  );
}

const NO_KERNEL = "This dialog has lost its kernel. Run the cell again.";

interface TotalProps {
  readonly request: PermissionRequest;
  readonly changes: Changes;
}

/** What there is to pay, and how long it takes; what is answered already stands apart. */
function Total({ request, changes }: TotalProps) {
  const left = request.left ?? null;
  const { calls, usd } = left ?? request.estimate.total;
  const seconds = request.seconds ?? null;
  return (
    <div class="mipro-permission-total" aria-live="polite" aria-busy={changes.pending}>
      <p class={changes.pending ? "mipro-muted" : undefined}>
        {left !== null && calls.high === 0 ? (
          <strong>Nothing left to pay</strong>
        ) : (
          <>
            About <strong>{counted(Math.round(calls.expected), "LM call")}</strong>
            {left !== null && " left"}
            {costsNothing(request.estimate) ? (
              <>
                : <strong>no cost</strong>
              </>
            ) : (
              <>
                {" "}
                for{" "}
                <strong>{usd === null ? "an unknown price" : formatRange(usd, formatUsd)}</strong>
              </>
            )}
          </>
        )}
        {seconds !== null && (
          <>
            , <strong>{formatRange(seconds, formatDuration)}</strong>
          </>
        )}
        {changes.pending && " – estimating again …"}
      </p>
      {left === null && request.resumes != null && request.tests !== true && (
        <p class="mipro-muted mipro-small">in all, with what was answered already</p>
      )}
      {[left?.told, request.seconds_told].map(
        (told) =>
          told != null && (
            <p key={told} class="mipro-muted mipro-small">
              {told}
            </p>
          ),
      )}
    </div>
  );
}

function WhatRuns({ request }: { readonly request: PermissionRequest }) {
  return (
    <>
      <dl class="mipro-facts">
        {request.run_name != null && (
          <Fact name="run" value={`${request.run_name} (${request.resumes ?? request.joins})`} />
        )}
        {Object.entries(request.predictors).map(([name, signature]) => (
          <Fact key={name} name={name} value={signature} />
        ))}
        <dt>data</dt>
        <dd>{dataText(request)}</dd>
        {Object.entries(request.models).map(([role, model]) => (
          <Fact key={role} name={role.replaceAll("_", " ")} value={model} />
        ))}
      </dl>
      <Notes notes={request.notes} />
    </>
  );
}

function measures({ measured_rows: rows = 0 }: PermissionRequest): boolean {
  return rows > 0;
}

function answerOf({ resumes = null, tests = false }: PermissionRequest): string {
  if (tests) {
    return "Test";
  }
  return resumes === null ? "Run" : "Resume";
}

function titleOf(request: PermissionRequest): string {
  if (request.tests === true) {
    return "Test";
  }
  const resumes = (request.resumes ?? null) !== null;
  if (measures(request)) {
    return resumes ? "Resume measuring headroom of" : "Measure headroom of";
  }
  return resumes ? "Resume optimizing" : "Optimize";
}

function dataText(request: PermissionRequest): string {
  const { trainset_size: train, valset_size: val, testset_size: test = 0 } = request;
  if (request.tests === true) {
    return `${counted(test, "row")} that the run has not seen`;
  }
  if (measures(request)) {
    return `${counted(train, "training row")}, ${formatCount(request.measured_rows ?? 0)} of them asked`;
  }
  const tested = test ? `, ${formatCount(test)} to test the result on` : "";
  return `${counted(train, "row")} to learn from, ${formatCount(val)} to validate on${tested}`;
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>
        <SafeText text={name} />
      </dt>
      <dd>
        <SafeText text={value} />
      </dd>
    </>
  );
}

/** Which settings were changed with the permission: ", num_trials=20". */
function changedText({ changes = {}, settings }: PermissionRequest): string {
  return Object.keys(changes)
    .map((name) => `, ${name}=${settingText(settings[name])}`)
    .join("");
}

function parseThreshold(below: string) {
  const parsed = parseCap("max_usd", below);
  return parsed.error === null && parsed.value === null
    ? { value: null, error: "Write an amount." }
    : parsed;
}
