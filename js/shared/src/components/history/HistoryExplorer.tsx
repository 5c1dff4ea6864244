import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { HistoryRow } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { canBeResumed } from "../../model/resume";
import { titleOf } from "../../model/words";
import { excerpt } from "../../text";
import { Button } from "../base/Button";
import { type Column, DataTable } from "../base/DataTable";
import { TextField } from "../base/Field";
import { Refusal } from "../base/Refusal";
import { SafeText } from "../base/SafeText";
import { useAction } from "../drill/asking";
import { CopyButton } from "../drill/CopyButton";
import { counted } from "../drill/counted";
import { ResumeHint } from "../live/ResumeHint";
import { columns as allColumns } from "./columns";
import { DeleteForm, NoteForm, RenameForm, TagForm } from "./RunForms";
import { search } from "./search";

interface HistoryExplorerProps {
  readonly kernel: Kernel | null;
  readonly rows: readonly HistoryRow[];
  readonly initialQuery: string;
  readonly onOpenRun: (id: string) => void;
  readonly onCompare: (ids: readonly string[]) => void;
  /** Instead of all columns, where there is little room. */
  readonly columns?: readonly Column<HistoryRow>[];
  readonly rowHeight?: number;
  readonly maxHeight?: number;
  /** The rows are kept up to date by who gives them: there is nothing to refresh. */
  readonly isFed?: boolean;
}

type Form = "rename" | "tag" | "note" | "delete";

/** All recorded runs: to find, open, compare, name, tag and delete. */
export function HistoryExplorer({
  kernel,
  rows,
  initialQuery,
  onOpenRun,
  onCompare,
  columns = allColumns,
  rowHeight = 30,
  maxHeight = 460,
  isFed = false,
}: HistoryExplorerProps) {
  const [known, setKnown] = useState(rows);
  const [query, setQuery] = useState(initialQuery);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const [form, setForm] = useState<Form | null>(null);
  const [said, setSaid] = useState("");
  const refreshing = useAction();
  const changing = useAction();
  const root = useRef<HTMLElement>(null);
  const formWas = useRef<Form | null>(null);
  useEffect(() => setKnown(rows), [rows]);

  const found = useMemo(() => search(known, query), [known, query]);
  const chosen = known.filter((row) => marked.has(row.id));
  const [only] = chosen.length === 1 ? chosen : [];

  useEffect(() => {
    if (form === null && formWas.current !== null) {
      const opener = root.current?.querySelector<HTMLElement>(
        `[data-form=${formWas.current}] button`,
      );
      (opener ?? root.current?.querySelector<HTMLElement>("[role=grid]"))?.focus();
    }
    formWas.current = form;
  }, [form]);

  function mark(row: HistoryRow): void {
    const next = new Set(marked);
    if (!next.delete(row.id)) {
      next.add(row.id);
    }
    setMarked(next);
    setForm(null);
  }

  function close(): void {
    changing.forget();
    setForm(null);
  }

  function replace(fresh: HistoryRow): void {
    setKnown((all) => all.map((row) => (row.id === fresh.id ? fresh : row)));
  }

  function change(work: (kernel: Kernel) => Promise<string>): void {
    if (kernel !== null) {
      void changing.start(async () => {
        setSaid(await work(kernel));
        setForm(null);
      });
    }
  }

  function refresh(): void {
    if (kernel !== null) {
      void refreshing.start(async () => {
        const fresh = await kernel.ask("history", {});
        setKnown(fresh);
        setSaid(`${counted(fresh.length, "run")} in the record.`);
      });
    }
  }

  if (known.length === 0) {
    return (
      <section class="mipro-history" aria-label="History">
        <div class="mipro-history-empty">
          <h3>No run is recorded yet</h3>
          <p>
            Start one with <code>%mipro run</code> or <code>MIPROv2(…).compile(…)</code>; it will be
            listed here, with every trial, candidate and call.
          </p>
          {kernel !== null && !isFed && (
            <Button onClick={refresh}>{refreshing.pending ? "Looking…" : "Look again"}</Button>
          )}
        </div>
        {refreshing.error !== null && <Refusal reason={refreshing.error} />}
      </section>
    );
  }

  return (
    <section class="mipro-history" aria-label="History" ref={root}>
      <DataTable
        label="Runs"
        rows={found}
        columns={columns}
        rowKey={(row) => row.id}
        initialSort={{ column: "created", descending: true }}
        maxHeight={maxHeight}
        rowHeight={rowHeight}
        asFile={columns === allColumns}
        onOpen={(row) => onOpenRun(row.id)}
        {...(kernel === null ? {} : { onMark: mark, marked })}
        markLabel={(row) => `Mark ${titleOf(row)}`}
        toolbar={
          <>
            <div class="mipro-history-search">
              <TextField
                label="Search the runs"
                hideLabel
                placeholder={
                  columns === allColumns
                    ? "Name, tag, note, program, model, id or state"
                    : "Search the runs"
                }
                value={query}
                onInput={setQuery}
              />
            </div>
            <span class="mipro-muted" role="status">
              {found.length === known.length
                ? counted(known.length, "run")
                : `${found.length} of ${counted(known.length, "run")}`}
            </span>
            {kernel !== null && !isFed && (
              <Button kind="quiet" onClick={refresh}>
                {refreshing.pending ? "Refreshing…" : "Refresh"}
              </Button>
            )}
          </>
        }
        empty={
          <>
            No run has all of these words.{" "}
            <Button kind="quiet" onClick={() => setQuery("")}>
              Show all
            </Button>
          </>
        }
      />
      {refreshing.error !== null && <Refusal reason={refreshing.error} />}
      {kernel !== null && (
        <div class="mipro-history-bar">
          <span class={chosen.length === 0 ? "mipro-muted" : ""}>
            {chosen.length === 0 ? (
              `Mark runs to compare${kernel.canChange ? ", rename, tag, note or delete" : ""} them.`
            ) : only === undefined ? (
              `${chosen.length} marked`
            ) : (
              <>
                <SafeText text={excerpt(titleOf(only), 60)} /> <code>{only.id}</code>
              </>
            )}
          </span>
          {only !== undefined && <CopyButton name="the id" text={async () => only.id} />}
          {chosen.length > 0 && (
            <div class="mipro-history-actions">
              {only !== undefined && (
                <>
                  <Button onClick={() => onOpenRun(only.id)}>Open</Button>
                  {kernel.canChange && (
                    <>
                      <span data-form="rename">
                        <Button
                          icon="edit"
                          expanded={form === "rename"}
                          onClick={() => setForm(form === "rename" ? null : "rename")}
                        >
                          Rename
                        </Button>
                      </span>
                      <span data-form="tag">
                        <Button
                          icon="tag"
                          expanded={form === "tag"}
                          onClick={() => setForm(form === "tag" ? null : "tag")}
                        >
                          Tags
                        </Button>
                      </span>
                      <span data-form="note">
                        <Button
                          icon="note"
                          expanded={form === "note"}
                          onClick={() => setForm(form === "note" ? null : "note")}
                        >
                          Note
                        </Button>
                      </span>
                    </>
                  )}
                </>
              )}
              {chosen.length > 1 && (
                <Button
                  kind="primary"
                  icon="compare"
                  onClick={() => onCompare(chosen.map((row) => row.id))}
                >
                  Compare
                </Button>
              )}
              {kernel.canChange && (
                <span data-form="delete">
                  <Button
                    kind="danger"
                    icon="trash"
                    expanded={form === "delete"}
                    onClick={() => setForm(form === "delete" ? null : "delete")}
                  >
                    Delete
                  </Button>
                </span>
              )}
              <Button
                kind="quiet"
                onClick={() => {
                  setMarked(new Set());
                  close();
                }}
              >
                Unmark
              </Button>
            </div>
          )}
        </div>
      )}
      {only?.note && (
        <p class="mipro-history-note">
          <SafeText text={only.note} />
        </p>
      )}
      {only?.rests && <p class="mipro-muted">Scored {only.rests}</p>}
      {only?.billed && <p class="mipro-muted">{only.billed}</p>}
      {only !== undefined && canBeResumed(only.state) && <ResumeHint run={only} />}
      {form === "rename" && only !== undefined && (
        <RenameForm
          key={only.id}
          row={only}
          action={changing}
          onCancel={close}
          onRename={(name) =>
            change(async (kernel) => {
              replace(await kernel.ask("rename", { run: only.id, name }));
              return "The run was renamed.";
            })
          }
        />
      )}
      {form === "tag" && only !== undefined && (
        <TagForm
          key={only.id}
          row={only}
          action={changing}
          onCancel={close}
          onTag={(tags) =>
            change(async (kernel) => {
              replace(await kernel.ask("tag", { run: only.id, tags }));
              return "The tags were saved.";
            })
          }
        />
      )}
      {form === "note" && only !== undefined && (
        <NoteForm
          key={only.id}
          row={only}
          action={changing}
          onCancel={close}
          onNote={(note) =>
            change(async (kernel) => {
              replace(await kernel.ask("note", { run: only.id, note }));
              return "The note was saved.";
            })
          }
        />
      )}
      {form === "delete" && chosen.length > 0 && (
        <DeleteForm
          rows={chosen}
          action={changing}
          onCancel={close}
          onDelete={() =>
            change(async (kernel) => {
              const gone = new Set(chosen.map((row) => row.id));
              await kernel.ask("delete", { runs: [...gone] });
              setKnown((all) => all.filter((row) => !gone.has(row.id)));
              setMarked(new Set());
              return `${counted(gone.size, "run")} deleted.`;
            })
          }
        />
      )}
      <p class="mipro-only-read" role="status">
        {said}
      </p>
    </section>
  );
}
