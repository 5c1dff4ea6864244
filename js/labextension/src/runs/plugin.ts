/** Recorded runs in JupyterLab: side panel, tabs, commands, launcher and status bar. */

import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { ICommandPalette, WidgetTracker } from "@jupyterlab/apputils";
import type { DocumentWidget } from "@jupyterlab/docregistry";
import { IDefaultFileBrowser } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import { INotebookTracker } from "@jupyterlab/notebook";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStatusBar } from "@jupyterlab/statusbar";
import { IFormRendererRegistry, LabIcon } from "@jupyterlab/ui-components";
import type { ReadonlyPartialJSONObject } from "@lumino/coreutils";
import icon from "../../style/icon.svg";
import "../../style/status.css";
import { putCell } from "./cell";
import type { Opening } from "./drawing";
import { onEnds } from "./ends";
import { RunsFeed } from "./feed";
import { addRunFiles, FACTORY, mayBeRecord } from "./files";
import { notify } from "./notification";
import { RunsSettings, showRecord } from "./settings";
import { stopAll } from "./stopAll";
import { beginNotebook } from "./template";
import { nameOf, RunningItem, RunsPanel, RunTab, type TabContent } from "./widgets";

const CATEGORY = "Prompt optimization";

export const commandIds = {
  showPanel: "mipro-nb:show-runs",
  openRun: "mipro-nb:open-run",
  openLast: "mipro-nb:open-last-run",
  openAll: "mipro-nb:open-all-runs",
  compare: "mipro-nb:compare-runs",
  openRecord: "mipro-nb:open-record",
  openTab: "mipro-nb:open-tab",
  begin: "mipro-nb:new-from-template",
  stopAll: "mipro-nb:stop-all-runs",
  settings: "mipro-nb:settings",
} as const;

const runsIcon = new LabIcon({ name: "mipro-nb:runs", svgstr: icon });

export const runsPlugin: JupyterFrontEndPlugin<void> = {
  id: "mipro-nb:runs",
  description: "Recorded runs of mipro_nb: side panel, tabs, commands, launcher and status bar.",
  autoStart: true,
  // Jupyter Notebook has neither tabs nor a status bar: there, nothing of this is.
  optional: [
    ILabShell,
    ICommandPalette,
    ILauncher,
    IStatusBar,
    ILayoutRestorer,
    IDefaultFileBrowser,
    INotebookTracker,
    // Its schema holds the keyboard shortcuts.
    ISettingRegistry,
    IFormRendererRegistry,
  ],
  activate,
};

function activate(
  app: JupyterFrontEnd,
  shell: ILabShell | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  statusBar: IStatusBar | null,
  restorer: ILayoutRestorer | null,
  files: IDefaultFileBrowser | null,
  notebooks: INotebookTracker | null,
  registry: ISettingRegistry | null,
  forms: IFormRendererRegistry | null,
): void {
  if (shell === null) {
    return;
  }
  const { commands, serviceManager } = app;
  const { serverSettings } = serviceManager;
  const feed = new RunsFeed(serverSettings);
  const settings = new RunsSettings(registry);
  if (forms !== null) {
    showRecord(forms, feed.kernel);
  }
  const tabs = new WidgetTracker<RunTab>({ namespace: "mipro-nb-runs" });

  const opening: Opening = {
    openRun: (run) => void commands.execute(commandIds.openRun, { run }),
    openAll: () => void commands.execute(commandIds.openAll),
    compare: (runs) => void commands.execute(commandIds.compare, { runs: [...runs] }),
    begin: () => void commands.execute(commandIds.begin),
    putCell:
      notebooks === null ? null : (line) => putCell(app, notebooks, line, files?.model.path ?? ""),
  };

  function view(content: TabContent): RunTab {
    const tab = new RunTab(serverSettings, feed, opening, content);
    tab.title.icon = runsIcon;
    return tab;
  }

  function open(content: TabContent): RunTab {
    const name = nameOf(content);
    let tab = tabs.find((each) => nameOf(each.content) === name);
    if (tab === undefined) {
      tab = view(content);
      app.shell.add(tab, "main");
      void tabs.add(tab);
    }
    app.shell.activateById(tab.id);
    return tab;
  }

  commands.addCommand(commandIds.showPanel, {
    label: "Show Prompt Runs",
    icon: runsIcon,
    execute: () => app.shell.activateById(panel.id),
  });
  commands.addCommand(commandIds.openRun, {
    label: "Open Prompt Run",
    execute: ({ run }) => (typeof run === "string" ? open({ kind: "run", run }) : null),
  });
  commands.addCommand(commandIds.openLast, {
    label: "Open Last Prompt Run",
    icon: runsIcon,
    isEnabled: () => (feed.rows?.length ?? 0) > 0,
    execute: () => {
      const last = feed.rows?.[0]?.id;
      return last === undefined ? null : open({ kind: "run", run: last });
    },
  });
  commands.addCommand(commandIds.openAll, {
    label: "Open All Prompt Runs",
    icon: runsIcon,
    execute: () => open({ kind: "history" }),
  });
  commands.addCommand(commandIds.compare, {
    label: "Compare Prompt Runs",
    execute: ({ runs }) => open({ kind: "comparison", runs: runs as readonly string[] }),
  });
  commands.addCommand(commandIds.openRecord, {
    label: "Open Prompt Runs",
    caption: "Look at the runs of a record of mipro_nb",
    icon: runsIcon,
    isVisible: () => selectedRecord(files) !== null,
    execute: () => {
      const path = selectedRecord(files);
      return path === null
        ? null
        : open({ kind: "file", path: serviceManager.contents.localPath(path) });
    },
  });
  commands.addCommand(commandIds.openTab, {
    label: "Open Prompt Runs Again",
    execute: ({ content }) => open(content as unknown as TabContent),
  });
  app.contextMenu.addItem({
    command: commandIds.openRecord,
    selector: '.jp-DirListing-item[data-isdir="false"]',
    rank: 1,
  });
  commands.addCommand(commandIds.begin, {
    label: (args) => (args.isPalette ? "New Notebook: Optimize a Prompt" : "Optimize a prompt"),
    caption: "Open a notebook with a prompt, rows and a metric to replace by your own",
    icon: runsIcon,
    execute: ({ cwd }) =>
      beginNotebook(
        app,
        feed.kernel,
        settings.caps,
        typeof cwd === "string" ? cwd : files?.model.path,
      ),
  });

  commands.addCommand(commandIds.stopAll, {
    label: "Stop All Prompt Runs",
    isEnabled: () => feed.live.length > 0,
    execute: () => stopAll(feed),
  });
  commands.addCommand(commandIds.settings, {
    label: "Prompt Run Settings",
    execute: () => commands.execute("settingeditor:open", { query: "Prompt runs" }),
  });

  onEnds(feed, (row) => {
    if (settings.notifies) {
      notify(row, () => opening.openRun(row.id));
    }
  });

  const panel = new RunsPanel(feed, opening, runsIcon);
  app.shell.add(panel, "left", { rank: 450 });
  feed.changed.connect(() => {
    commands.notifyCommandChanged(commandIds.openLast);
    commands.notifyCommandChanged(commandIds.stopAll);
  });

  for (const name of ["showPanel", "openLast", "openAll", "stopAll", "settings"] as const) {
    const command = commandIds[name];
    palette?.addItem({ command, category: CATEGORY });
  }
  palette?.addItem({ command: commandIds.begin, category: CATEGORY, args: { isPalette: true } });
  launcher?.add({
    command: commandIds.begin,
    category: "Notebook",
    rank: 10,
    // Of notebooks the launcher draws this alone, or the first letter of the label.
    kernelIconUrl: `data:image/svg+xml,${encodeURIComponent(icon)}`,
  });
  restorer?.add(panel, panel.id);
  void restorer?.restore(tabs, {
    command: commandIds.openTab,
    args: ({ content }) => ({ content: { ...content } as ReadonlyPartialJSONObject }),
    name: ({ content }) => nameOf(content),
  });
  const documents = new WidgetTracker<DocumentWidget>({ namespace: "mipro-nb-files" });
  addRunFiles(app, runsIcon, (path) => view({ kind: "file", path })).widgetCreated.connect(
    (_, document) => void documents.add(document),
  );
  void restorer?.restore(documents, {
    command: "docmanager:open",
    args: ({ context }) => ({ path: context.path, factory: FACTORY }),
    name: ({ context }) => context.path,
  });
  if (statusBar !== null) {
    const item = new RunningItem(feed, () => void commands.execute(commandIds.showPanel));
    statusBar.registerStatusItem("mipro-nb:running", {
      item,
      align: "left",
      rank: 100,
      isActive: () => item.isNeeded,
      activeStateChanged: feed.changed,
    });
  }
}

/** The one file that is selected in the list of files, if it may be a record. */
function selectedRecord(files: IDefaultFileBrowser | null): string | null {
  const [file, another] = [...(files?.selectedItems() ?? [])];
  return file !== undefined && another === undefined && mayBeRecord(file.path) ? file.path : null;
}
