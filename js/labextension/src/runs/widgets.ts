/** The side panel, the tabs and the item of the status bar as JupyterLab's widgets. */

import { PathExt } from "@jupyterlab/coreutils";
import type { ServerConnection } from "@jupyterlab/services";
import type { LabIcon } from "@jupyterlab/ui-components";
import { Widget } from "@lumino/widgets";
import { formatCost, formatScore } from "../../../shared/src/format";
import type { LiveRunRow } from "../../../shared/src/generated/view-model";
import type { Kernel } from "../../../shared/src/model/kernel";
import { shareText, stateNames, titleOf } from "../../../shared/src/model/words";
import { excerpt } from "../../../shared/src/text";
import { ServerChannel } from "./channel";
import type { Opening } from "./drawing";
import { type RunsFeed, serverAsKernel } from "./feed";
import { FileChannel } from "./fileChannel";

/** Draws itself once it is seen for the first time: till then, nothing of ours is loaded. */
abstract class Drawn extends Widget {
  #isDrawn = false;

  protected abstract draw(drawing: typeof import("./drawing")): void;

  protected override onBeforeShow(): void {
    this.#drawOnce();
  }

  protected override onAfterAttach(): void {
    if (this.isVisible) {
      this.#drawOnce();
    }
  }

  override dispose(): void {
    if (this.#isDrawn && !this.isDisposed) {
      void import("./drawing").then(({ erase }) => erase(this.node));
    }
    super.dispose();
  }

  #drawOnce(): void {
    if (!this.#isDrawn) {
      this.#isDrawn = true;
      void import("./drawing").then((drawing) => this.isDisposed || this.draw(drawing));
    }
  }
}

export class RunsPanel extends Drawn {
  readonly #feed: RunsFeed;
  readonly #opening: Opening;

  constructor(feed: RunsFeed, opening: Opening, icon: LabIcon) {
    super();
    this.#feed = feed;
    this.#opening = opening;
    this.id = "mipro-nb-runs";
    this.title.icon = icon;
    this.title.caption = "Prompt runs";
    this.node.setAttribute("aria-label", "Prompt runs");
    this.node.setAttribute("role", "region");
    this.addClass("mipro-panel-place");
  }

  protected draw({ drawPanel }: typeof import("./drawing")): void {
    drawPanel(this.node, this.#feed, this.#opening);
  }
}

/** What a tab shows: a run, all runs, some side by side, or those of a file. */
export type TabContent =
  | { readonly kind: "run"; readonly run: string }
  | { readonly kind: "history" }
  | { readonly kind: "comparison"; readonly runs: readonly string[] }
  | { readonly kind: "file"; readonly path: string };

export class RunTab extends Drawn {
  readonly content: TabContent;
  readonly #server: ServerConnection.ISettings;
  readonly #feed: RunsFeed;
  readonly #opening: Opening;
  #stop: () => void = () => {};
  /** Its run was seen to go on: then the title also tells that it has finished. */
  #sawItGoOn = false;

  constructor(
    server: ServerConnection.ISettings,
    feed: RunsFeed,
    opening: Opening,
    content: TabContent,
  ) {
    super();
    this.#server = server;
    this.#feed = feed;
    this.#opening = opening;
    this.content = content;
    this.id = `mipro-nb-${nameOf(content)}`;
    this.title.closable = true;
    this.addClass("mipro-tab-place");
    // A tab that comes back with the page is there before runs and their names are known.
    feed.changed.connect(this.#name, this);
    this.#name();
  }

  override dispose(): void {
    this.#feed.changed.disconnect(this.#name, this);
    this.#stop();
    super.dispose();
  }

  protected draw({
    drawRun,
    drawAllRuns,
    drawComparison,
    drawFile,
  }: typeof import("./drawing")): void {
    const { content } = this;
    switch (content.kind) {
      case "run":
        drawRun(this.node, this.#follow(content.run), this.#opening, content.run);
        break;
      case "comparison":
        drawComparison(this.node, this.#feed, this.#opening, content.runs);
        break;
      case "file":
        drawFile(this.node, this.#read(content.path), content.path);
        break;
      default:
        drawAllRuns(this.node, this.#feed, this.#opening);
    }
  }

  /** What answers about a run and tells how it goes on, till the tab is closed. */
  #follow(run: string): Kernel {
    const channel = new ServerChannel(this.#server, run);
    const kernel = serverAsKernel(channel);
    this.#stop = () => {
      kernel.close();
      channel.close();
    };
    return kernel;
  }

  /** What answers about the runs of a file, till the tab is closed. */
  #read(path: string): Kernel {
    const kernel = serverAsKernel(new FileChannel(this.#server, path));
    this.#stop = () => kernel.close();
    return kernel;
  }

  #name(): void {
    const how = this.content.kind === "run" ? this.#standing(this.content.run) : null;
    this.title.label = `${how === null ? "" : `${how} · `}${excerpt(this.#title, 40)}`;
    this.title.caption = this.title.label;
  }

  /** How far a run is, or how it ended meanwhile. */
  #standing(run: string): string | null {
    const live = this.#feed.liveRow(run);
    if (live !== null) {
      this.#sawItGoOn = true;
      return live.state === "paused" ? stateNames.paused : shareText(live);
    }
    const row = this.#feed.row(run);
    const told = this.#sawItGoOn || row?.state !== "finished";
    return told && row !== null ? stateNames[row.state] : null;
  }

  get #title(): string {
    const { content } = this;
    switch (content.kind) {
      case "run":
        return this.#feed.titleOf(content.run);
      case "comparison":
        return "Comparison of runs";
      case "file":
        return PathExt.basename(content.path);
      default:
        return "Prompt runs";
    }
  }
}

/** What a tab is known by; its run, if it shows one. */
export function nameOf(content: TabContent): string {
  switch (content.kind) {
    case "run":
      return `run-${content.run}`;
    case "comparison":
      return `comparison-${content.runs.join("-")}`;
    case "file":
      return `file-${content.path}`;
    default:
      return "history";
  }
}

/** Runs that go on, in few words. */
export class RunningItem extends Widget {
  readonly #feed: RunsFeed;

  constructor(feed: RunsFeed, onClick: () => void) {
    super({ node: document.createElement("button") });
    this.#feed = feed;
    this.node.setAttribute("type", "button");
    this.node.title = "Open the prompt runs";
    this.node.addEventListener("click", onClick);
    this.addClass("mipro-running-item");
    feed.changed.connect(this.#draw, this);
    this.#draw();
  }

  get isNeeded(): boolean {
    return this.#feed.live.length > 0;
  }

  #draw(): void {
    this.node.textContent = runningText(this.#feed.live);
  }
}

export function runningText(live: readonly LiveRunRow[]): string {
  const [only] = live;
  if (only === undefined) {
    return "";
  }
  const usd = live.reduce<number | null>(
    (sum, run) => (sum === null || run.usd === null ? null : sum + run.usd),
    0,
  );
  const about = live.some((run) => run.about);
  const cost = formatCost(usd, about);
  return live.length === 1
    ? `${excerpt(titleOf(only), 30)} · ${formatScore(only.score)} · ${cost}`
    : `${live.length} prompt runs · ${cost}`;
}
