import { useState } from "preact/hooks";
import type { Kernel } from "../../model/kernel";
import { Button } from "../base/Button";
import { Select, TextField } from "../base/Field";
import { Menu } from "../base/Menu";
import { SafeText } from "../base/SafeText";
import { useAction } from "../drill/asking";
import { CodeLine } from "../drill/CodeLine";
import { toClipboard } from "../drill/CopyButton";

interface ProgramActionsProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly trial: number;
  /** All that the program has. */
  readonly predictors: readonly string[];
}

const forms = [
  ["text", "Text"],
  ["messages", "OpenAI messages"],
  ["openai", "Python, openai client"],
  ["langchain", "LangChain"],
  ["markdown", "Markdown"],
] as const;

/** What can be done with the program of a trial: copy its prompt, use it here, save it. */
export function ProgramActions({ kernel, run, trial, predictors }: ProgramActionsProps) {
  if (kernel === null || !kernel.hasNotebook) {
    return <WithoutKernel run={run} trial={trial} />;
  }
  const shared = { kernel, run, trial };
  return (
    <>
      <CopyMenu {...shared} predictors={predictors} />
      <Menu label="Use here">
        <NameForm
          {...shared}
          what="use"
          label="Variable of this notebook"
          first={`trial_${trial}`}
          button={`Use trial ${trial}`}
        />
      </Menu>
      <Menu label="Save">
        <NameForm
          {...shared}
          what="save"
          label="File in the kernel's folder"
          first={`trial-${trial}.json`}
          button={`Save trial ${trial}`}
        />
      </Menu>
    </>
  );
}

interface Reached {
  readonly kernel: Kernel;
  readonly run: string;
  readonly trial: number;
}

function CopyMenu({
  kernel,
  run,
  trial,
  predictors,
}: Reached & { readonly predictors: readonly string[] }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const predictor = chosen ?? predictors[0] ?? "";
  const [copied, setCopied] = useState<string | null>(null);
  const action = useAction();

  function copy(form: string): void {
    setCopied(null);
    action.start(async () => {
      await toClipboard(await kernel.ask("prompt", { run, trial, form, predictor }));
      setCopied(form);
    });
  }

  return (
    <Menu label="Copy prompt" icon="copy">
      {predictors.length > 1 && (
        <Select
          label="Predictor"
          value={predictor}
          options={predictors.map((value) => ({ value, label: value }))}
          onChange={setChosen}
        />
      )}
      {forms.map(([form, label]) => (
        <Button
          key={form}
          kind="quiet"
          icon={copied === form ? "check" : "copy"}
          disabled={action.pending}
          onClick={() => copy(form)}
        >
          {label}
        </Button>
      ))}
      <Told said={copied === null ? null : "Copied."} error={action.error} />
    </Menu>
  );
}

interface NameFormProps extends Reached {
  readonly what: "use" | "save";
  readonly label: string;
  readonly first: string;
  readonly button: string;
}

/** A name, and the button that has the kernel do something with it. */
function NameForm({ kernel, run, trial, what, label, first, button }: NameFormProps) {
  const [name, setName] = useState(first);
  const [said, setSaid] = useState<string | null>(null);
  const action = useAction();
  return (
    <form
      class="mipro-result-form"
      onSubmit={(event) => {
        event.preventDefault();
        setSaid(null);
        action.start(async () => setSaid(await kernel.ask(what, { run, trial, name })));
      }}
    >
      <TextField label={label} value={name} onInput={setName} />
      <Button type="submit" kind="primary" disabled={action.pending || name === ""}>
        {button}
      </Button>
      <Told said={said} error={action.error} />
    </form>
  );
}

function Told({ said, error }: { readonly said: string | null; readonly error: string | null }) {
  return (
    <p class={error === null ? "mipro-small" : "mipro-small mipro-result-refused"} role="status">
      <SafeText text={error ?? said ?? ""} />
    </p>
  );
}

/** Without a kernel: the lines to run. */
function WithoutKernel({ run, trial }: { readonly run: string; readonly trial: number }) {
  const lines = [
    ["use", `program.load_state(mipro_nb.runs.load("${run}").program_state(${trial}))`],
    ["copy", 'print(program.export("openai"))'],
    ["save", 'program.save("program.json")'],
    ["share", `mipro_nb.share("${run}", "report.html")`],
  ] as const;
  return (
    <Menu label="Copy, use, save, share">
      <p class="mipro-small">
        No kernel is behind this view, and a record has instructions and demos, not the prompt
        around them. Instructions can be copied from this view. For the rest, make the program in a
        notebook as for this run, named program here, and run one of:
      </p>
      {lines.map(([name, line]) => (
        <CodeLine key={name} code={line} name={`the line to ${name} it`} />
      ))}
    </Menu>
  );
}
