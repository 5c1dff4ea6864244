/** Code for a notebook: it is put into a cell, and run by nobody but the person. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { type INotebookTracker, NotebookActions, type NotebookPanel } from "@jupyterlab/notebook";
import { newNotebook, openNotebook } from "./template";

/**
 * Puts a line into the notebook that was used last, below its active cell; into a new one where none
 * is open. Returns where it is now.
 */
export async function putCell(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  line: string,
  folder: string,
): Promise<string> {
  const code = `%load_ext mipro_nb\n${line}`;
  const panel = notebooks.currentWidget;
  if (panel === null || panel.isDisposed || panel.context.model.readOnly) {
    const content = { cells: [codeCell(code)], nbformat: 4, nbformat_minor: 4 };
    const path = await newNotebook(app, content, folder);
    await openNotebook(app, path);
    return told(path);
  }
  await panel.context.ready;
  app.shell.activateById(panel.id);
  insert(panel, code);
  return told(panel.context.path);
}

function insert({ content }: NotebookPanel, code: string): void {
  NotebookActions.insertBelow(content);
  content.activeCell?.model.sharedModel.setSource(code);
}

function told(path: string): string {
  return (
    `A cell of ${path} has this line; it was not run. Run first the cells that define what it ` +
    "names."
  );
}

function codeCell(source: string): object {
  return { cell_type: "code", execution_count: null, metadata: {}, outputs: [], source };
}
