import type { Clip } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { SafeText } from "../base/SafeText";
import { ClipText } from "./ClipText";

interface FieldsProps {
  readonly fields: Readonly<Record<string, Clip>>;
  /** Whose fields they are, read aloud: "demo 2". */
  readonly name: string;
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly rows?: number;
}

/** Fields and their values, one below the other. */
export function Fields({ fields, name, kernel, run, rows = 8 }: FieldsProps) {
  return (
    <dl class="mipro-fields">
      {Object.entries(fields).map(([field, clip]) => (
        <div key={field} class="mipro-fields-pair">
          <dt>
            <SafeText text={field} />
          </dt>
          <dd>
            <ClipText
              clip={clip}
              name={`${field} of ${name}`}
              kernel={kernel}
              run={run}
              rows={rows}
            />
          </dd>
        </div>
      ))}
    </dl>
  );
}
