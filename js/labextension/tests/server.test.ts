import { expect, test, vi } from "vitest";
import { historyRow } from "../../shared/tests/drill-fixtures";
import { ServerChannel } from "../src/runs/channel";
import { RunsFeed, serverAsKernel } from "../src/runs/feed";
import { answer, FakeSocket, settings, tell } from "./page";

test("questions go by POST below the base URL, once the changes can be heard", async () => {
  const { settings: server, fetched } = settings(async () =>
    answer({ kind: "answer", id: 1, value: null }),
  );
  const channel = new ServerChannel(server, "a b");
  const heard = vi.fn();
  channel.onMessage(heard);
  expect(FakeSocket.last.url).toBe(
    "ws://hub.example/user/ann/mipro_nb/changes?run=a%20b&token=secret",
  );
  channel.send({ kind: "request", id: 1, what: "snapshot", ask: { run: "a b" } });
  await Promise.resolve();
  expect(fetched).not.toHaveBeenCalled();
  FakeSocket.last.onopen?.();
  await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce());
  const [request] = fetched.mock.calls[0] as [Request];
  expect(request.method).toBe("POST");
  expect(request.url).toContain("http://hub.example/user/ann/mipro_nb/requests");
  channel.close();
  expect(FakeSocket.last.closed).toBe(true);
});

test("a server that refuses, or is not there, says so in a sentence", async () => {
  const replies = [
    async () => answer({ message: "You may not write recorded runs on this server." }, 403),
    async () => Promise.reject(new TypeError("Failed to fetch")),
  ];
  const { settings: server } = settings(() => (replies.shift() as () => Promise<Response>)());
  const feed = new RunsFeed(server);
  const ask = () => feed.kernel.ask("rename", { run: "r", name: "n" });
  await expect(ask()).rejects.toThrow("You may not write recorded runs");
  await expect(ask()).rejects.toThrow("The Jupyter server does not answer");
  feed.close();
});

test("while the websocket is lost questions are answered, and views hear of both", async () => {
  vi.useFakeTimers();
  const row = historyRow(0);
  const replies: (() => void)[] = [];
  const { settings: server } = settings(async (request) => {
    const { id } = await request.json();
    await new Promise<void>((resolve) => replies.push(resolve));
    return answer({ kind: "answer", id, value: row });
  });
  const channel = new ServerChannel(server, "r");
  const kernel = serverAsKernel(channel);
  const presences: string[] = [];
  kernel.onPresence((presence) => presences.push(presence));
  const first = FakeSocket.last;
  first.onopen?.();
  const asked = kernel.ask("rename", { run: "r", name: "n" });
  first.onclose?.();
  expect(kernel.presence).toBe("unheard");
  const meanwhile = kernel.ask("rename", { run: "r", name: "m" });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(FakeSocket.last).not.toBe(first);
  FakeSocket.last.onopen?.();
  expect(presences).toEqual(["unheard", "connecting"]);
  for (const reply of replies) {
    reply();
  }
  await expect(Promise.all([asked, meanwhile])).resolves.toEqual([row, row]);
  expect(presences.at(-1)).toBe("live");
  channel.close();
  vi.advanceTimersByTime(60_000);
  expect(presences.at(-1)).toBe("live");
  vi.useRealTimers();
});

test("a websocket that does not open keeps no question waiting for long", async () => {
  vi.useFakeTimers();
  const { settings: server, fetched } = settings(async () => answer({ kind: "answer", id: 1 }));
  const channel = new ServerChannel(server, "r");
  const heard = vi.fn();
  channel.onHearing(heard);
  channel.send({ kind: "request", id: 1, what: "snapshot", ask: { run: "r" } });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(fetched).toHaveBeenCalledOnce();
  expect(heard.mock.calls).toEqual([[false]]);
  FakeSocket.last.onopen?.();
  expect(heard.mock.calls).toEqual([[false], [true]]);
  channel.close();
  vi.useRealTimers();
});

test("the feed keeps all runs up to date, the newest first", () => {
  const feed = new RunsFeed(settings(async () => answer(null)).settings);
  const [old, recent] = [historyRow(1), historyRow(0)].sort((a, b) => a.created - b.created);
  if (old === undefined || recent === undefined) {
    throw new Error("there are two");
  }
  const ids = () => feed.rows?.map(({ id }) => id);
  expect(feed.rows).toBeNull();
  tell({ rows: [old, recent], whole: true });
  expect(ids()).toEqual([recent.id, old.id]);
  tell({ rows: [{ ...old, name: "x" }] });
  expect(feed.rows?.[1]?.name).toBe("x");
  tell({ gone: [recent.id] });
  expect(ids()).toEqual([old.id]);
  tell({ rows: [recent], whole: true });
  expect(ids()).toEqual([recent.id]);
  feed.close();
});

test("a record that cannot be read is not taken for an empty one, and what was listed stays", () => {
  const feed = new RunsFeed(settings(async () => answer(null)).settings);
  tell({ error: "The record is damaged." });
  expect([feed.rows, feed.error]).toEqual([null, "The record is damaged."]);
  tell({ rows: [historyRow(0)], whole: true });
  expect([feed.rows?.length, feed.error]).toEqual([1, null]);
  tell({ error: "The record is damaged." });
  expect([feed.rows?.length, feed.error]).toEqual([1, "The record is damaged."]);
  feed.close();
});
