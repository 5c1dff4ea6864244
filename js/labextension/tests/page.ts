/** The Jupyter server as a page meets it, by hand: its websockets, and what it answers by POST. */

import { ServerConnection } from "@jupyterlab/services";
import { vi } from "vitest";
import type { LiveRunRow, RunsMessage } from "../../shared/src/generated/view-model";

/** A websocket that the test opens, closes and speaks through. */
export class FakeSocket {
  static readonly made: FakeSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;
  readonly url: string;

  constructor(url: string) {
    this.url = url;
    FakeSocket.made.push(this);
  }

  close(): void {
    this.closed = true;
    this.onclose?.();
  }

  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  static get last(): FakeSocket {
    return FakeSocket.made.at(-1) as FakeSocket;
  }
}

export function settings(reply: (request: Request) => Promise<Response>) {
  const fetched = vi.fn(async (request: Request) => reply(request));
  return {
    fetched,
    settings: ServerConnection.makeSettings({
      baseUrl: "http://hub.example/user/ann/",
      wsUrl: "ws://hub.example/user/ann/",
      appendToken: true,
      token: "secret",
      fetch: fetched as unknown as typeof fetch,
      WebSocket: FakeSocket as unknown as typeof WebSocket,
    }),
  };
}

export const answer = (value: unknown, status = 200) =>
  new Response(JSON.stringify(value), {
    status,
    headers: { "Content-Type": "application/json" },
  });

/** Has the server tell something of the runs. */
export function tell(news: Partial<RunsMessage>): void {
  const nothing = { kind: "runs", rows: [], whole: false, gone: [], live: [], error: null };
  FakeSocket.last.tell({ ...nothing, ...news });
}

/** What a view has others open, as nobody does it. */
export const opening = () => ({
  openRun: vi.fn(),
  openAll: vi.fn(),
  compare: vi.fn(),
  begin: vi.fn(),
  putCell: vi.fn(async () => "A cell of Sums.ipynb has this line."),
});

/** A run that goes on. */
export function liveRow(change: Partial<LiveRunRow> = {}): LiveRunRow {
  return {
    id: "r",
    name: "",
    program: "Solve",
    state: "running",
    phase: "search",
    done: 996,
    total: 1000,
    eta: 60,
    score: 71.25,
    usd: 0.0312,
    about: false,
    ...change,
  };
}
