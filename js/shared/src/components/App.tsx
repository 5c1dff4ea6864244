import { useEffect, useRef, useState } from "preact/hooks";
import type { HistoryRow, RunComparison, RunSnapshot, WidgetState } from "../generated/view-model";
import { usePresence, useRun } from "../model/hooks";
import { keepNewest } from "../model/keep";
import { BUSY, GONE, type Kernel, type Presence } from "../model/kernel";
import { Button } from "./base/Button";
import { useFocusKept } from "./base/focus";
import { Notice } from "./base/Notice";
import { Refusal } from "./base/Refusal";
import { Root } from "./base/Root";
import { useAction } from "./drill/asking";
import { HistoryExplorer } from "./history/HistoryExplorer";
import { RunComparisonView } from "./history/RunComparisonView";
import { RunView } from "./live/RunView";
import { PermissionDialog } from "./permission/PermissionDialog";

interface AppProps {
  readonly state: WidgetState;
  /** Null where there can be none: then everything is read-only. */
  readonly kernel: Kernel | null;
  /** Is given the newest snapshot of the widget's run from time to time, and at its end. */
  readonly keep: (snapshot: RunSnapshot) => void;
}

/** All that a widget shows. */
export function App({ state, kernel, keep }: AppProps) {
  const presence = usePresence(kernel);
  return (
    <Root>
      {state.kind === "run" ? (
        <RunWidget state={state} kernel={kernel} presence={presence} keep={keep} />
      ) : (
        <HistoryWidget state={state} kernel={kernel} presence={presence} />
      )}
    </Root>
  );
}

interface RunWidgetProps extends AppProps {
  readonly presence: Presence;
}

const BEGUN: ReadonlySet<string> = new Set(["permitted", "joined"]);

/** A question for permission, the run that follows, or both. */
function RunWidget({ state, kernel, presence, keep }: RunWidgetProps) {
  const { permission, snapshot } = state;
  return (
    <>
      {permission !== null && (
        <PermissionDialog kernel={kernel} presence={presence} request={permission} />
      )}
      {snapshot !== null && (
        <FollowedRun
          key={snapshot.summary.id}
          kernel={kernel}
          presence={presence}
          run={snapshot.summary.id}
          saved={snapshot}
          keep={keep}
          onBack={null}
        />
      )}
      {snapshot === null && (permission === null || BEGUN.has(permission.state)) && (
        <Waiting kernel={kernel} presence={presence} what="The run is starting …" />
      )}
    </>
  );
}

interface FollowedRunProps {
  readonly kernel: Kernel | null;
  readonly presence: Presence;
  readonly run: string;
  readonly saved: RunSnapshot | null;
  readonly keep: ((snapshot: RunSnapshot) => void) | null;
  readonly onBack: (() => void) | null;
}

/** A run as it stands, and as it goes on. */
export function FollowedRun({ kernel, presence, run, saved, keep, onBack }: FollowedRunProps) {
  const { store, error, again } = useRun(kernel, run, saved);
  const root = useRef<HTMLDivElement>(null);
  useFocusKept(root, store !== null, "button");
  useEffect(
    () => (store === null || keep === null ? undefined : keepNewest(store, keep)),
    [store, keep],
  );
  if (store !== null) {
    return (
      <div ref={root}>
        <RunView kernel={kernel} presence={presence} store={store} onBack={onBack} />
      </div>
    );
  }
  return (
    <div class="mipro-page" ref={root}>
      {onBack && (
        <div>
          <Button kind="quiet" icon="chevronLeft" onClick={onBack}>
            Back
          </Button>
        </div>
      )}
      {error === null ? (
        <Waiting kernel={kernel} presence={presence} what={`Run ${run} is being read …`} />
      ) : (
        <Refusal reason={error} onAgain={again} />
      )}
    </div>
  );
}

/** Where the history leads to; the last one is shown. */
type Place =
  | { readonly kind: "history" }
  | { readonly kind: "run"; readonly run: string }
  | { readonly kind: "comparison"; readonly comparison: RunComparison };

interface HistoryWidgetProps {
  readonly state: WidgetState;
  readonly kernel: Kernel | null;
  readonly presence: Presence;
}

/** The history of runs, runs opened from it, and comparisons of them. */
export function HistoryWidget(props: HistoryWidgetProps) {
  const [places, setPlaces] = useState<readonly Place[]>(() => [firstPlace(props.state)]);
  const root = useRef<HTMLDivElement>(null);
  const place = places.at(-1) ?? firstPlace(props.state);
  // What was left took the focus with it.
  useFocusKept(root, places.length, place.kind === "history" ? "[role=grid]" : "button");
  return (
    <div ref={root}>
      <PlaceView {...props} place={place} places={places} setPlaces={setPlaces} />
    </div>
  );
}

interface PlaceViewProps extends HistoryWidgetProps {
  readonly place: Place;
  readonly places: readonly Place[];
  readonly setPlaces: (change: (known: readonly Place[]) => readonly Place[]) => void;
}

function PlaceView({ state, kernel, presence, place, places, setPlaces }: PlaceViewProps) {
  const rows = useHistory(kernel, state.history, places.length === 1);
  const comparing = useAction();
  const reachable = presence === "absent" || presence === "gone" ? null : kernel;

  const go = (next: Place) => setPlaces((known) => [...known, next]);
  const back = () => setPlaces((known) => known.slice(0, -1));
  const openRun = (run: string) => go({ kind: "run", run });

  function compare(runs: readonly string[]): void {
    if (kernel !== null) {
      comparing.start(async () => {
        go({ kind: "comparison", comparison: await kernel.ask("compare", { runs }) });
      });
    }
  }

  switch (place.kind) {
    case "run":
      return (
        <FollowedRun
          key={place.run}
          kernel={kernel}
          presence={presence}
          run={place.run}
          saved={null}
          keep={null}
          onBack={back}
        />
      );
    case "comparison":
      return (
        <div class="mipro-page">
          <RunComparisonView
            comparison={place.comparison}
            onOpenRun={openRun}
            onClose={places.length > 1 ? back : null}
          />
        </div>
      );
    default:
      return rows === null ? (
        <Waiting kernel={kernel} presence={presence} what="The record is being read …" />
      ) : (
        <div class="mipro-page">
          {comparing.error !== null && <Notice tone="danger">{comparing.error}</Notice>}
          <HistoryExplorer
            kernel={reachable}
            rows={rows}
            initialQuery={state.search ?? ""}
            onOpenRun={openRun}
            onCompare={compare}
          />
        </div>
      );
  }
}

function firstPlace({ kind, comparison }: WidgetState): Place {
  return kind === "comparison" && comparison !== null
    ? { kind: "comparison", comparison }
    : { kind: "history" };
}

/** The history as saved, and again from the kernel each time that it is shown. */
function useHistory(
  kernel: Kernel | null,
  saved: readonly HistoryRow[] | null,
  shown: boolean,
): readonly HistoryRow[] | null {
  const [rows, setRows] = useState(saved);
  useEffect(() => {
    let wanted = true;
    if (kernel !== null && shown) {
      kernel.ask("history", {}).then(
        (fresh) => wanted && setRows(fresh),
        // Then the saved rows stay; the kernel's presence tells why.
        () => {},
      );
    }
    return () => {
      wanted = false;
    };
  }, [kernel, shown]);
  return rows;
}

interface WaitingProps {
  readonly kernel: Kernel | null;
  readonly presence: Presence;
  readonly what: string;
}

function Waiting({ kernel, presence, what }: WaitingProps) {
  if (presence === "gone") {
    return <Notice tone="warning">{GONE}</Notice>;
  }
  if (presence === "absent" || presence === "busy") {
    return <Notice>{kernel?.busy ?? BUSY}</Notice>;
  }
  return (
    <p class="mipro-waiting" role="status">
      {what}
    </p>
  );
}
