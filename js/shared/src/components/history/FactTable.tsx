import { Fragment } from "preact";
import { useState } from "preact/hooks";
import type { HistoryRow } from "../../generated/view-model";
import { titleOf } from "../../model/words";
import { excerpt } from "../../text";
import { Checkbox } from "../base/Field";
import { SafeText } from "../base/SafeText";
import { factGroups } from "./facts";
import { LineSample } from "./Marker";

interface FactTableProps {
  readonly rows: readonly HistoryRow[];
  readonly onOpenRun: (id: string) => void;
}

/** Runs in columns, what is known of them in lines. */
export function FactTable({ rows, onOpenRun }: FactTableProps) {
  const [onlyDifferences, setOnlyDifferences] = useState(true);
  const groups = factGroups(rows).map(({ name, lines }) => ({
    name,
    // Results are what one looks for, whether they differ or not.
    lines: onlyDifferences && name !== "Result" ? lines.filter(({ differs }) => differs) : lines,
  }));
  return (
    <div class="mipro-comparefacts">
      <Checkbox
        label="Only settings that differ"
        checked={onlyDifferences}
        onChange={setOnlyDifferences}
      />
      <section
        class="mipro-comparefacts-box"
        aria-label="Runs side by side"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of keys
        tabIndex={0}
      >
        <table class="mipro-comparefacts-table">
          <thead>
            <tr>
              <td />
              {rows.map((row, place) => (
                <th key={row.id} scope="col">
                  <LineSample run={place} />
                  <button
                    type="button"
                    class="mipro-link"
                    title={`Open run ${row.id}`}
                    onClick={() => onOpenRun(row.id)}
                  >
                    <SafeText text={excerpt(titleOf(row), 60)} />
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          {groups.map(({ name, lines }) => (
            <tbody key={name}>
              <tr>
                <th scope="rowgroup" colSpan={rows.length + 1} class="mipro-comparefacts-group">
                  {name}
                </th>
              </tr>
              {lines.length === 0 && (
                <tr>
                  <td colSpan={rows.length + 1} class="mipro-muted">
                    the same in all
                  </td>
                </tr>
              )}
              {lines.map((line) => (
                <tr key={line.name} class={line.differs ? "mipro-comparefacts-line--differs" : ""}>
                  <th scope="row">
                    <SafeText text={line.name} />
                    {line.differs && !onlyDifferences && name !== "Result" && (
                      <Fragment>
                        <span aria-hidden="true"> ≠</span>{" "}
                        <span class="mipro-only-read">differs</span>
                      </Fragment>
                    )}
                  </th>
                  {line.values.map((value, place) => (
                    <td key={rows[place]?.id}>
                      <SafeText text={excerpt(value, 300)} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </section>
    </div>
  );
}
