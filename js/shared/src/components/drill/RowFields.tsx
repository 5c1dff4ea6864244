import type { Clip } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Fields } from "./Fields";

interface RowFieldsProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly row: {
    readonly inputs: Readonly<Record<string, Clip>>;
    readonly expected: Readonly<Record<string, Clip>>;
  };
  /** What the row is called, as in "example 3". */
  readonly name: string;
}

/** What a row asks and what is right for it, as two columns of an opened row. */
export function RowFields({ kernel, run, row, name }: RowFieldsProps) {
  return (
    <>
      <div>
        <h5>Inputs</h5>
        <Fields fields={row.inputs} name={name} kernel={kernel} run={run} />
      </div>
      <div>
        <h5>Expected</h5>
        <Fields fields={row.expected} name={`the expected of ${name}`} kernel={kernel} run={run} />
      </div>
    </>
  );
}
