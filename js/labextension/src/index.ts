/** The JupyterLab extension: runs in notebooks, live or as they were saved; and all recorded ones. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { RUN_MIME } from "./kept";
import { magicsPlugin } from "./magics/plugin";
import { NotebookPlace } from "./notebook";
import { RunRenderer } from "./renderer";
import { runsPlugin } from "./runs/plugin";

/** Before the widget manager's -10: where it finds no widget, we show what was saved. */
const RANK = -20;

const plugin: JupyterFrontEndPlugin<void> = {
  id: "mipro-nb:run",
  description: "Shows runs of mipro_nb, live or as they were saved.",
  autoStart: true,
  // Jupyter Notebook has pages without notebooks.
  optional: [INotebookTracker],
  activate: (_app: JupyterFrontEnd, notebooks: INotebookTracker | null) => {
    notebooks?.forEach(serve);
    notebooks?.widgetAdded.connect((_, panel) => serve(panel));
  },
};

function serve(panel: NotebookPanel): void {
  const place = new NotebookPlace(panel);
  panel.content.rendermime.addFactory(
    {
      // Saved views are drawn as text; live ones only in notebooks that are trusted.
      safe: true,
      mimeTypes: [RUN_MIME],
      createRenderer: () => new RunRenderer(place),
    },
    RANK,
  );
}

export default [plugin, magicsPlugin, runsPlugin];
