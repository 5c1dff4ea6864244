/** Settings that a person changes before the run begins: typed here, checked and estimated there. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { PermissionRequest, SettingView } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { sentence } from "../drill/asking";

/** How long to wait for the next key before the kernel is asked for another estimate. */
const PAUSE_MS = 400;

type Typed = Readonly<Record<string, string | boolean>>;
type Settings = Readonly<Record<string, unknown>>;

export interface Changes {
  /** What a field shows. */
  shown(setting: SettingView): string | boolean;
  /** What is wrong with what was typed; null while it is right. */
  wrong(setting: SettingView): string | null;
  type(name: string, value: string | boolean): void;
  /** Makes all settings those of the code again. */
  takeBack(): void;
  /** The changes that the estimate on screen is of; null while it is not of what is typed. */
  readonly estimated: Settings | null;
  readonly pending: boolean;
  /** Why the kernel refused what was typed, with what to do. */
  readonly refused: string | null;
}

export function useChanges(kernel: Kernel | null, request: PermissionRequest): Changes {
  const known = request.changes ?? {};
  const [typed, setTyped] = useState<Typed>({});
  const [waiting, setWaiting] = useState(0);
  const [refused, setRefused] = useState<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const planned = new Map(
    (request.groups ?? []).flatMap((group) =>
      group.settings.map((setting) => [setting.name, setting] as const),
    ),
  );
  const parsed = (name: string, value: string | boolean) =>
    value === "" && planned.get(name)?.default === null ? null : parse(value);
  const values = Object.entries(typed).map(([name, value]) => [name, parsed(name, value)] as const);
  const right = values.every(([, value]) => value !== undefined);
  const others = values.filter(([name, value]) => value !== planned.get(name)?.value);
  const wanted: Settings = { ...known, ...Object.fromEntries(others) };
  const key = textOf(wanted);
  const same = key === textOf(known);

  async function ask(settings: Settings): Promise<void> {
    if (kernel === null) {
      return;
    }
    setWaiting((count) => count + 1);
    try {
      await kernel.ask("change", { settings });
      setRefused(null);
      setTyped((now) => without(now, settings, parsed));
    } catch (reason) {
      setRefused(sentence(reason));
    } finally {
      setWaiting((count) => count - 1);
    }
  }

  useEffect(() => {
    setRefused(null);
    if (right && !same) {
      timer.current = setTimeout(() => ask(wanted), PAUSE_MS);
      return () => clearTimeout(timer.current);
    }
    return;
  }, [key, right, same]);

  return {
    shown: ({ name, value }) =>
      typed[name] ?? (typeof value === "boolean" ? value : String(value ?? "")),
    wrong: ({ name }) =>
      typed[name] !== undefined && parsed(name, typed[name]) === undefined
        ? "Write a whole number."
        : null,
    type: (name, value) => setTyped((now) => ({ ...now, [name]: value })),
    takeBack: () => {
      clearTimeout(timer.current);
      setTyped({});
      ask({});
    },
    estimated: right && same && waiting === 0 ? known : null,
    pending: waiting > 0 || (right && !same && refused === null),
    refused,
  };
}

/** What was typed as a value; undefined where it is not one. */
function parse(value: string | boolean): number | boolean | undefined {
  if (typeof value === "boolean") {
    return value;
  }
  const text = value.replace(/[\s,_]/g, "");
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** What was typed since the settings were sent. */
function without(
  typed: Typed,
  sent: Settings,
  parsed: (name: string, value: string | boolean) => unknown,
): Typed {
  return Object.fromEntries(
    Object.entries(typed).filter(([name, value]) => parsed(name, value) !== sent[name]),
  );
}

function textOf(settings: Settings): string {
  return JSON.stringify(Object.entries(settings).sort(([one], [other]) => (one < other ? -1 : 1)));
}
