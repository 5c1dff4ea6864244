/** Draws the side panel and the tabs. */

import { render } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { App } from "../../../shared/src/components/App";
import { IconButton } from "../../../shared/src/components/base/Button";
import { Notice } from "../../../shared/src/components/base/Notice";
import { Root } from "../../../shared/src/components/base/Root";
import { SafeText } from "../../../shared/src/components/base/SafeText";
import { compactColumns, compactRowHeight } from "../../../shared/src/components/history/compact";
import { HistoryExplorer } from "../../../shared/src/components/history/HistoryExplorer";
import { LiveRuns } from "../../../shared/src/components/history/LiveRuns";
import "../../../widgets/src/widget.css";
import "../../style/panel.css";
import type { WidgetState } from "../../../shared/src/generated/view-model";
import type { Kernel } from "../../../shared/src/model/kernel";
import type { RunsFeed } from "./feed";

/** What the panel has others open. */
export interface Opening {
  openRun(run: string): void;
  openAll(): void;
  compare(runs: readonly string[]): void;
  begin(): void;
}

export function drawPanel(node: HTMLElement, feed: RunsFeed, opening: Opening): void {
  render(
    <Root>
      <Panel feed={feed} opening={opening} />
    </Root>,
    node,
  );
}

export function drawTab(node: HTMLElement, state: WidgetState, kernel: Kernel): void {
  render(<App state={state} kernel={kernel} keep={() => {}} />, node);
}

export function drawRefusal(node: HTMLElement, reason: string): void {
  render(
    <Root>
      <div class="mipro-page">
        <Refusal reason={reason} />
      </div>
    </Root>,
    node,
  );
}

function Refusal({ reason }: { readonly reason: string }) {
  return (
    <Notice tone="danger">
      <SafeText text={reason} />
    </Notice>
  );
}

export function erase(node: HTMLElement): void {
  render(null, node);
}

function Panel({ feed, opening }: { readonly feed: RunsFeed; readonly opening: Opening }) {
  const { rows, live, error } = useFeed(feed);
  const { box, height } = useHeight();
  return (
    <div class="mipro-panel" ref={box}>
      <header class="mipro-panel-head">
        <h2>Prompt runs</h2>
        <IconButton icon="plus" label="Optimize a prompt" onClick={() => opening.begin()} />
        <IconButton
          icon="columns"
          label="All runs in a tab, with all columns"
          onClick={() => opening.openAll()}
        />
      </header>
      <LiveRuns runs={live} onOpenRun={(run) => opening.openRun(run)} />
      {error !== null && <Refusal reason={error} />}
      {rows === null ? (
        error === null && <Reading />
      ) : (
        <HistoryExplorer
          kernel={feed.kernel}
          rows={rows}
          initialQuery=""
          onOpenRun={(run) => opening.openRun(run)}
          onCompare={(runs) => opening.compare(runs)}
          columns={compactColumns}
          rowHeight={compactRowHeight}
          maxHeight={Math.max(240, height - 250 - 80 * live.length)}
          isFed
        />
      )}
    </div>
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

/** An element of the panel, and how high the panel is. */
function useHeight() {
  const box = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(600);
  const observer = useMemo(
    () => new ResizeObserver(([entry]) => entry && setHeight(entry.contentRect.height)),
    [],
  );
  useEffect(() => {
    const place = box.current?.closest(".mipro-panel-place");
    if (place) {
      observer.observe(place);
    }
    return () => observer.disconnect();
  }, [observer]);
  return { box, height };
}
