import type { Clip, Message } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { classes } from "../base/classes";
import { SafeText } from "../base/SafeText";
import { ClipText } from "./ClipText";
import { CopyButton } from "./CopyButton";
import { wholeText } from "./cutTexts";

interface MessagesProps {
  readonly messages: readonly Message[];
  /** Whose messages they are, read aloud: "the prompt of solve". */
  readonly name: string;
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly rows?: number;
}

/** Messages to an LM, each with the role that it was sent under. */
export function Messages({ messages, name, kernel, run, rows = 12 }: MessagesProps) {
  return (
    <ol class="mipro-messages" aria-label={`Messages of ${name}`}>
      {messages.map((message, place) => (
        <li key={place}>
          <MessageBox
            from={message.role}
            content={message.content}
            name={`message ${place + 1} of ${name}`}
            kernel={kernel}
            run={run}
            rows={rows}
          />
        </li>
      ))}
    </ol>
  );
}

interface MessageBoxProps extends Omit<MessagesProps, "messages"> {
  /** The role that it was sent under, or "reply". */
  readonly from: string;
  readonly content: Clip;
  /** It is what the LM said. */
  readonly reply?: boolean;
}

export function MessageBox({
  from,
  content,
  name,
  kernel,
  run,
  rows = 12,
  reply = false,
}: MessageBoxProps) {
  return (
    <div class={classes("mipro-message", reply && "mipro-message--reply")}>
      <div class="mipro-message-head">
        <span class="mipro-message-role">
          <SafeText text={from} />
        </span>
        <CopyButton name={name} text={() => wholeText(kernel, run, content)} />
      </div>
      <ClipText clip={content} name={name} kernel={kernel} run={run} rows={rows} />
    </div>
  );
}
