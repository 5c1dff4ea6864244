import { SafeText } from "./SafeText";

/** What to know of a plan; a note may hold code below its first line. */
export function Notes({ notes }: { readonly notes: readonly string[] }) {
  return notes.length === 0 ? null : (
    <ul class="mipro-notes">
      {notes.map((note) => {
        const [first = "", ...code] = note.split("\n");
        return (
          <li key={note}>
            <SafeText text={first} />
            {code.length > 0 && <Code lines={code} />}
          </li>
        );
      })}
    </ul>
  );
}

/** Lines as they stand; those of a diff have its colours. */
function Code({ lines }: { readonly lines: readonly string[] }) {
  const isDiff = lines[0]?.startsWith("@@");
  return (
    <pre class="mipro-note-code">
      {lines.map((line, place) => (
        <span key={place} class={isDiff ? changeOf(line) : undefined}>
          <SafeText text={line} />
          {"\n"}
        </span>
      ))}
    </pre>
  );
}

function changeOf(line: string): string | undefined {
  switch (line[0]) {
    case "+":
      return "mipro-note-added";
    case "-":
      return "mipro-note-removed";
    case "@":
      return "mipro-muted";
    default:
      return undefined;
  }
}
