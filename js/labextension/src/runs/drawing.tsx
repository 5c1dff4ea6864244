/** Draws the side panel and the tabs. */

import { type ComponentChildren, type ComponentProps, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { FollowedRun, HistoryWidget } from "../../../shared/src/components/App";
import { IconButton } from "../../../shared/src/components/base/Button";
import { Notice } from "../../../shared/src/components/base/Notice";
import { Refusal } from "../../../shared/src/components/base/Refusal";
import { Root } from "../../../shared/src/components/base/Root";
import { SafeText } from "../../../shared/src/components/base/SafeText";
import { useAnswer } from "../../../shared/src/components/drill/asking";
import { compactColumns, compactRowHeight } from "../../../shared/src/components/history/compact";
import { HistoryExplorer } from "../../../shared/src/components/history/HistoryExplorer";
import { LiveRuns } from "../../../shared/src/components/history/LiveRuns";
import { RunComparisonView } from "../../../shared/src/components/history/RunComparisonView";
import { PutCell } from "../../../shared/src/components/live/cells";
import "../../../widgets/src/widget.css";
import "../../style/panel.css";
import "../../style/saved.css";
import { usePresence } from "../../../shared/src/model/hooks";
import { type Kernel, UNHEARD } from "../../../shared/src/model/kernel";
import type { RunsFeed } from "./feed";
import { isExported } from "./suffix";

const NOTHING = { permission: null, snapshot: null, comparison: null } as const;

/** What the panel has others open. */
export interface Opening {
  openRun(run: string): void;
  openAll(): void;
  compare(runs: readonly string[]): void;
  begin(): void;
  /** Puts a line into a cell of a notebook, and tells where; null where there are no notebooks. */
  readonly putCell: ((line: string) => Promise<string>) | null;
}

export function drawPanel(node: HTMLElement, feed: RunsFeed, opening: Opening): void {
  draw(node, opening, <Panel feed={feed} opening={opening} />);
}

export function drawRun(node: HTMLElement, kernel: Kernel, opening: Opening, run: string): void {
  draw(node, opening, <RunPage kernel={kernel} run={run} />);
}

export function drawAllRuns(node: HTMLElement, feed: RunsFeed, opening: Opening): void {
  draw(
    node,
    opening,
    <div class="mipro-page mipro-fills">
      <Troubles feed={feed} />
      <Runs feed={feed} opening={opening} />
    </div>,
  );
}

export function drawComparison(
  node: HTMLElement,
  { kernel }: RunsFeed,
  opening: Opening,
  runs: readonly string[],
): void {
  draw(
    node,
    opening,
    <div class="mipro-page">
      <Comparison kernel={kernel} opening={opening} runs={runs} />
    </div>,
  );
}

export function drawFile(node: HTMLElement, kernel: Kernel, path: string): void {
  render(
    <Root>
      <FilePage kernel={kernel} path={path} />
    </Root>,
    node,
  );
}

function draw(node: HTMLElement, { putCell }: Opening, children: ComponentChildren): void {
  render(
    <PutCell.Provider value={putCell}>
      <Root>{children}</Root>
    </PutCell.Provider>,
    node,
  );
}

export function erase(node: HTMLElement): void {
  render(null, node);
}

function RunPage({ kernel, run }: { readonly kernel: Kernel; readonly run: string }) {
  const presence = usePresence(kernel);
  return (
    <FollowedRun
      kernel={kernel}
      presence={presence}
      run={run}
      saved={null}
      keep={null}
      onBack={null}
    />
  );
}

/** The run that a file holds, or the list of those. */
function FilePage({ kernel, path }: { readonly kernel: Kernel; readonly path: string }) {
  const [asked, again] = useAnswer(() => kernel.ask("history", {}), path);
  const presence = usePresence(kernel);
  const rows = asked?.value ?? null;
  const error = asked?.error ?? null;
  const [row] = rows ?? [];
  return (
    <>
      <p class="mipro-saved-note">
        <SafeText
          text={`Shown from ${path}, as of when it was opened; nothing is changed in it.`}
        />
        {isExported(path) && (
          <>
            {" "}
            To have it among your runs, and resume it:{" "}
            <code>mipro_nb.runs.import_run({JSON.stringify(path)})</code>
          </>
        )}
      </p>
      {error !== null && <Refusal reason={error} onAgain={again} />}
      {rows === null && error === null && <Reading />}
      {row !== undefined && rows?.length === 1 && <RunPage kernel={kernel} run={row.id} />}
      {rows !== null && rows.length !== 1 && (
        <HistoryWidget
          state={{ ...NOTHING, kind: "history", history: rows }}
          kernel={kernel}
          presence={presence}
        />
      )}
    </>
  );
}

interface ComparisonProps {
  readonly kernel: Kernel;
  readonly opening: Opening;
  readonly runs: readonly string[];
}

function Comparison({ kernel, opening, runs }: ComparisonProps) {
  const [asked, again] = useAnswer(() => kernel.ask("compare", { runs }), runs.join());
  if (asked !== null && asked.value !== null) {
    return (
      <RunComparisonView
        comparison={asked.value}
        onOpenRun={(run) => opening.openRun(run)}
        onClose={null}
      />
    );
  }
  return asked === null || asked.error === null ? (
    <Reading />
  ) : (
    <Refusal reason={asked.error} onAgain={again} />
  );
}

function Panel({ feed, opening }: FedProps) {
  const { live } = useFeed(feed);
  return (
    <div class="mipro-panel mipro-fills">
      <header class="mipro-panel-head">
        <h2>Prompt runs</h2>
        <IconButton icon="plus" label="Optimize a prompt" onClick={() => opening.begin()} />
        <IconButton
          icon="opens"
          label="All runs in a tab, with all columns"
          onClick={() => opening.openAll()}
        />
      </header>
      <Troubles feed={feed} />
      <LiveRuns kernel={feed.kernel} runs={live} onOpenRun={(run) => opening.openRun(run)} />
      <Runs feed={feed} opening={opening} columns={compactColumns} rowHeight={compactRowHeight} />
    </div>
  );
}

interface FedProps {
  readonly feed: RunsFeed;
  readonly opening: Opening;
}

type Table = Pick<ComponentProps<typeof HistoryExplorer>, "columns" | "rowHeight">;

/** All runs, kept up to date. */
function Runs({ feed, opening, ...table }: FedProps & Table) {
  const { rows, error } = useFeed(feed);
  const presence = usePresence(feed.kernel);
  if (rows === null) {
    return error === null && presence !== "unheard" ? <Reading /> : null;
  }
  return (
    <HistoryExplorer
      kernel={feed.kernel}
      rows={rows}
      initialQuery=""
      onOpenRun={(run) => opening.openRun(run)}
      onCompare={(runs) => opening.compare(runs)}
      {...table}
      // No place is higher; the style takes from that what the rest of the place needs.
      maxHeight={Math.max(600, window.screen.height)}
      isFed
    />
  );
}

/** Why what is shown of the runs may not be up to date; nothing where it is. */
function Troubles({ feed }: { readonly feed: RunsFeed }) {
  const { error } = useFeed(feed);
  const presence = usePresence(feed.kernel);
  return (
    <>
      {presence === "unheard" && <Notice tone="warning">{UNHEARD}</Notice>}
      {error !== null && <Refusal reason={error} />}
    </>
  );
}

function Reading() {
  return (
    <p class="mipro-waiting" role="status">
      The record is being read …
    </p>
  );
}

function useFeed(feed: RunsFeed): Pick<RunsFeed, "rows" | "live" | "error"> {
  const [drawn, setDrawn] = useState(() => known(feed));
  useEffect(() => {
    const update = () => setDrawn(known(feed));
    update();
    feed.changed.connect(update);
    return () => {
      feed.changed.disconnect(update);
    };
  }, [feed]);
  return drawn;
}

/** What a feed has told so far. */
function known({ rows, live, error }: RunsFeed) {
  return { rows, live, error };
}
