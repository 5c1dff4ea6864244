import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { csvOf, download } from "../../model/download";
import { usePageId } from "../../model/ids";
import { Button } from "./Button";
import { classes } from "./classes";
import { Checkbox } from "./Field";
import { Menu } from "./Menu";
import { memo } from "./memo";
import { type Column, type Sort, type TableModel, useTableModel } from "./tableModel";

export type { Column, Sort } from "./tableModel";

type Key = string | number;

interface DataTableProps<Row extends object> {
  /** What its rows are: read aloud. */
  readonly label: string;
  readonly rows: readonly Row[];
  /** The same array at each drawing, or all rows are redrawn. */
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => Key;
  readonly initialSort?: Sort;
  /** Pixels; a table with fewer rows is lower. */
  readonly maxHeight?: number;
  readonly rowHeight?: number;
  /** Enter, or a click on a row. */
  readonly onOpen?: (row: Row) => void;
  /** The row that is open beside the table. */
  readonly opened?: Key | null;
  /** A key on the active row that means nothing to the table; returns whether it meant anything. */
  readonly onKey?: (row: Row, key: string) => boolean;
  /** Space, or the box before a row. */
  readonly onMark?: (row: Row) => void;
  readonly marked?: ReadonlySet<Key>;
  /** What is to be read aloud for the box of a row. */
  readonly markLabel?: (row: Row) => string;
  /** Class names for a row. */
  readonly rowClass?: (row: Row) => string | null;
  /** Whether its rows can be had as a file: their columns then say all that there is of a row. */
  readonly asFile?: boolean;
  /** Above the table, before the column choice: filters. */
  readonly toolbar?: ComponentChildren;
  /** Instead of rows, where there are none. */
  readonly empty: ComponentChildren;
}

const headerHeight = 30;

/**
 * A table that draws only the rows in sight.
 *
 * A table element cannot do that, so it is made of roles. The keyboard moves one active row while
 * the focus stays on the table, so that a row which is scrolled or sorted away takes no focus with
 * it.
 */
export function DataTable<Row extends object>({
  label,
  rows,
  columns,
  rowKey,
  initialSort,
  maxHeight = 380,
  rowHeight = 30,
  onOpen,
  opened = null,
  onKey,
  onMark,
  marked = noneMarked,
  markLabel,
  rowClass,
  asFile = true,
  toolbar,
  empty,
}: DataTableProps<Row>) {
  const id = usePageId();
  const model = useTableModel(rows, columns, initialSort ?? null);
  const scroller = useRef<HTMLDivElement>(null);
  const height = Math.min(maxHeight, headerHeight + Math.max(1, model.rows.length) * rowHeight);
  const virtual = useVirtualRows(scroller, model.rows.length, rowHeight, height);
  const [activeKey, setActiveKey] = useState<Key | null>(null);
  const [focused, setFocused] = useState(false);
  const found = model.rows.findIndex((row) => rowKey(row) === activeKey);
  const active = found === -1 ? 0 : found;
  const activeRow = model.rows[active];

  function activate(place: number): void {
    const row = model.rows[Math.max(0, Math.min(model.rows.length - 1, place))];
    if (row !== undefined) {
      setActiveKey(rowKey(row));
      virtual.scrollToIndex(model.rows.indexOf(row));
    }
  }

  function press(event: KeyboardEvent): void {
    if (event.target !== scroller.current || activeRow === undefined) {
      return;
    }
    const seen = scroller.current?.clientHeight || height;
    const page = Math.max(1, Math.floor((seen - headerHeight) / rowHeight) - 1);
    const moves: Record<string, () => void> = {
      ArrowDown: () => activate(active + 1),
      ArrowUp: () => activate(active - 1),
      PageDown: () => activate(active + page),
      PageUp: () => activate(active - page),
      Home: () => activate(0),
      End: () => activate(model.rows.length - 1),
      Enter: () => onOpen?.(activeRow),
      " ": () => onMark?.(activeRow),
    };
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const move = moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      move();
    } else if (onKey?.(activeRow, event.key)) {
      event.preventDefault();
    }
  }

  const { tracks, width } = tracksOf(model.shown, onMark !== undefined);
  const items = virtual.getVirtualItems();
  const activeInSight = focused && items.some((item) => item.index === active);
  const handlers = useNewest({
    open(row: Row): void {
      setActiveKey(rowKey(row));
      onOpen?.(row);
    },
    mark(row: Row): void {
      setActiveKey(rowKey(row));
      onMark?.(row);
    },
  });
  return (
    <div class="mipro-table">
      <div class="mipro-table-toolbar">
        {toolbar}
        <div class="mipro-table-taken">
          <ColumnChoice columns={columns} model={model} />
          {asFile && (
            <Button
              kind="quiet"
              title="These rows as a file for spreadsheets"
              disabled={model.rows.length === 0}
              onClick={() =>
                download(`${label}.csv`, csvOf(cellsOf(columns, model.rows)), "text/csv")
              }
            >
              CSV
            </Button>
          )}
        </div>
      </div>
      <div
        class="mipro-table-scroller"
        ref={scroller}
        style={`--mipro-height:${height}px;--mipro-tracks:${tracks};--mipro-width:${width};--mipro-row:${rowHeight}px`}
        role="grid"
        aria-label={label}
        aria-rowcount={model.rows.length + 1}
        aria-colcount={model.shown.length + (onMark ? 1 : 0)}
        aria-multiselectable={onMark ? true : undefined}
        aria-activedescendant={activeInSight ? `${id}-${active}` : undefined}
        tabIndex={0}
        onKeyDown={press}
        onFocus={(event) => setFocused(event.target === scroller.current)}
        onBlur={() => setFocused(false)}
      >
        <div class="mipro-table-head" role="rowgroup">
          <div class="mipro-table-row" role="row" aria-rowindex={1}>
            {onMark && (
              <div class="mipro-table-cell" role="columnheader">
                <span class="mipro-only-read">Marked</span>
              </div>
            )}
            {model.shown.map((column) => (
              <HeaderCell key={column.id} column={column} model={model} />
            ))}
          </div>
        </div>
        {model.rows.length > 0 && (
          <div
            class="mipro-table-body"
            role="rowgroup"
            style={`height:${model.rows.length * rowHeight}px`}
          >
            {items.map(({ index, start }) => {
              const row = model.rows[index];
              return (
                row !== undefined && (
                  <BodyRow
                    key={rowKey(row)}
                    id={`${id}-${index}`}
                    row={row}
                    shown={model.shown}
                    index={index}
                    top={start}
                    active={focused && index === active}
                    opened={opened === rowKey(row)}
                    opens={onOpen !== undefined}
                    marked={onMark ? marked.has(rowKey(row)) : null}
                    markLabel={markLabel?.(row) ?? "Mark"}
                    className={rowClass?.(row) ?? null}
                    handlers={handlers}
                  />
                )
              );
            })}
          </div>
        )}
      </div>
      {model.rows.length === 0 && <div class="mipro-table-empty">{empty}</div>}
    </div>
  );
}

const noneMarked: ReadonlySet<Key> = new Set();

/** The columns as tracks of a grid, and how wide they are together at least. */
function tracksOf<Row>(shown: readonly Column<Row>[], markable: boolean) {
  const tracks = [...(markable ? ["26px"] : []), ...shown.map((column) => column.width)];
  const least = tracks.map((track) => /^minmax\(([^,]+),/.exec(track)?.[1] ?? track);
  return { tracks: tracks.join(" "), width: `calc(${least.join(" + ")})` };
}

interface HeaderCellProps<Row> {
  readonly column: Column<Row>;
  readonly model: TableModel<Row>;
}

function HeaderCell<Row>({ column, model }: HeaderCellProps<Row>) {
  const sorted = model.sort?.column === column.id ? model.sort : null;
  const order = sorted?.descending ? "descending" : "ascending";
  const name = column.title ?? column.header;
  return (
    <div
      class={classes("mipro-table-cell", column.align === "end" && "mipro-table-cell--end")}
      role="columnheader"
      aria-sort={column.value === undefined ? undefined : sorted ? order : "none"}
    >
      {column.value === undefined ? (
        <span title={name}>{column.header}</span>
      ) : (
        <button
          type="button"
          class="mipro-table-sort"
          title={`Sort by ${name}`}
          onClick={() => model.toggleSort(column)}
        >
          {column.header}
          <span class={classes("mipro-sort-mark", sorted && `mipro-sort-mark--${order}`)} />
        </button>
      )}
    </div>
  );
}

/** All columns that say something in words or numbers, those that are not shown among them. */
function cellsOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]) {
  const told = columns.filter(({ text, value }) => text !== undefined || value !== undefined);
  return [
    told.map(({ header, title }) => title ?? header),
    ...rows.map((row) => told.map(({ text, value }) => (text ?? value)?.(row) ?? null)),
  ];
}

interface ColumnChoiceProps<Row> {
  readonly columns: readonly Column<Row>[];
  readonly model: TableModel<Row>;
}

function ColumnChoice<Row>({ columns, model }: ColumnChoiceProps<Row>) {
  return (
    <Menu label="Columns" icon="columns">
      {columns.map((column) => (
        <Checkbox
          key={column.id}
          label={column.title ?? column.header}
          checked={model.isShown(column)}
          // A table without columns could not be told from a broken one.
          disabled={model.shown.length === 1 && model.isShown(column)}
          onChange={(on) => model.show(column, on)}
        />
      ))}
    </Menu>
  );
}

interface BodyRowProps<Row> {
  readonly id: string;
  readonly row: Row;
  readonly shown: readonly Column<Row>[];
  readonly index: number;
  readonly top: number;
  readonly active: boolean;
  readonly opened: boolean;
  readonly opens: boolean;
  /** Null where rows cannot be marked. */
  readonly marked: boolean | null;
  readonly markLabel: string;
  readonly className: string | null;
  readonly handlers: { readonly current: { open(row: Row): void; mark(row: Row): void } };
}

/** Redrawn only if its own row has changed: a delta touches a few rows of many. */
const BodyRow = memo(DrawnRow) as typeof DrawnRow;

function DrawnRow<Row>({
  id,
  row,
  shown,
  index,
  top,
  active,
  opened,
  opens,
  marked,
  markLabel,
  className,
  handlers,
}: BodyRowProps<Row>) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the table around it answers to the keyboard
    <div
      id={id}
      class={classes(
        "mipro-table-row",
        opens && "mipro-table-row--opens",
        active && "mipro-table-row--active",
        opened && "mipro-table-row--opened",
        className,
      )}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={marked ?? undefined}
      aria-current={opened ? "true" : undefined}
      style={`top:${top}px`}
      onClick={() => handlers.current.open(row)}
    >
      {marked !== null && (
        <div class="mipro-table-cell mipro-table-cell--mark" role="gridcell">
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={markLabel}
            checked={marked}
            onClick={(event) => event.stopPropagation()}
            onChange={() => handlers.current.mark(row)}
          />
        </div>
      )}
      {shown.map((column) => (
        <div
          key={column.id}
          class={classes("mipro-table-cell", column.align === "end" && "mipro-table-cell--end")}
          role="gridcell"
        >
          {column.cell ? column.cell(row) : column.value?.(row)}
        </div>
      ))}
    </div>
  );
}

function useVirtualRows(
  scroller: RefObject<HTMLDivElement | null>,
  count: number,
  rowHeight: number,
  height: number,
): Virtualizer<HTMLDivElement, HTMLDivElement> {
  const [, redraw] = useReducer((drawn: number, _: null) => drawn + 1, 0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 6,
    initialRect: { width: 0, height },
    // Rows begin below the header, which stays: so it is the last row that needs its height.
    scrollPaddingEnd: headerHeight,
    scrollToFn: elementScroll,
    observeElementOffset,
    observeElementRect: (
      instance: Virtualizer<HTMLDivElement, HTMLDivElement>,
      tell: (rect: { width: number; height: number }) => void,
    ) =>
      observeElementRect(instance, ({ width }) => {
        // Without borders and a scrollbar. What is not laid out (a hidden tab) has no height; it
        // will show as many rows as fit.
        tell({ width, height: scroller.current?.clientHeight || height });
      }),
    onChange: () => redraw(null),
  };
  const [virtual] = useState(() => new Virtualizer<HTMLDivElement, HTMLDivElement>(options));
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), []);
  useLayoutEffect(() => virtual._willUpdate());
  return virtual;
}

function useNewest<Value>(value: Value): { readonly current: Value } {
  const newest = useRef(value);
  newest.current = value;
  return newest;
}
