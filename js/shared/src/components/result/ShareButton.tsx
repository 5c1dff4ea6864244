import { download } from "../../model/download";
import type { Kernel } from "../../model/kernel";
import { Button } from "../base/Button";
import { SafeText } from "../base/SafeText";
import { useAction } from "../drill/asking";

/** Hands the person one file that shows the run to people without mipro_nb. */
export function ShareButton({ kernel, run }: { readonly kernel: Kernel; readonly run: string }) {
  const action = useAction();
  return (
    <>
      <Button
        kind="quiet"
        disabled={action.pending}
        title="One HTML file with result, chart, tables and prompts; it has your rows and prompts in it"
        onClick={() =>
          action.start(async () =>
            download(`mipro-${run}.html`, await kernel.ask("share", { run }), "text/html"),
          )
        }
      >
        {action.pending ? "Writing…" : "Share as HTML"}
      </Button>
      {action.error !== null && (
        <span class="mipro-small mipro-result-refused" role="status">
          <SafeText text={action.error} />
        </span>
      )}
    </>
  );
}
