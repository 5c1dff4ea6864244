/** Files that hold runs: exported ones open by themselves, records where that is asked for. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { ABCWidgetFactory, type DocumentRegistry, DocumentWidget } from "@jupyterlab/docregistry";
import type { LabIcon } from "@jupyterlab/ui-components";
import { EXPORTED, SUFFIX } from "./suffix";
import type { RunTab } from "./widgets";

const FILE_TYPE = "mipro-run";
export const FACTORY = "Prompt Run";

/** Has exported runs open as views from the list of files. */
export function addRunFiles(
  { docRegistry, serviceManager }: JupyterFrontEnd,
  icon: LabIcon,
  view: (path: string) => RunTab,
): RunFileFactory {
  docRegistry.addFileType({
    name: FILE_TYPE,
    displayName: "Prompt run",
    extensions: [SUFFIX],
    pattern: EXPORTED,
    mimeTypes: ["application/json"],
    contentType: "file",
    fileFormat: "text",
    icon,
  });
  // A path may begin with the name of a drive, which only the front end knows.
  const factory = new RunFileFactory((path) => view(serviceManager.contents.localPath(path)));
  // JupyterLab declares what may be absent less strictly than we do.
  docRegistry.addWidgetFactory(factory as DocumentRegistry.WidgetFactory);
  return factory;
}

export class RunFileFactory extends ABCWidgetFactory<DocumentWidget<RunTab>> {
  readonly #view: (path: string) => RunTab;

  constructor(view: (path: string) => RunTab) {
    super({ name: FACTORY, fileTypes: [FILE_TYPE], defaultFor: [FILE_TYPE], readOnly: true });
    this.#view = view;
  }

  protected override createNewWidget(context: DocumentRegistry.Context): DocumentWidget<RunTab> {
    return new DocumentWidget({ content: this.#view(context.path), context });
  }
}

/** Whether a file may be a record, by its name: what it is, the server sees. */
export function mayBeRecord(path: string): boolean {
  return /\.(sqlite3?|db)$/i.test(path);
}
