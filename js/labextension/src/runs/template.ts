/** New notebooks: from the template, or with what else is given. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { Widget } from "@lumino/widgets";
import type { Kernel } from "../../../shared/src/model/kernel";
import type { NewCaps } from "./settings";

/** Opens a notebook that is ready to be run: a prompt, rows and a metric to replace. */
export async function beginNotebook(
  app: JupyterFrontEnd,
  kernel: Kernel,
  caps: NewCaps,
  folder = "",
): Promise<Widget> {
  const content = await kernel.ask("template", caps);
  return openNotebook(app, await newNotebook(app, content, folder));
}

/** Makes a notebook in a folder, with the default kernel, and returns its path. */
export async function newNotebook(
  app: JupyterFrontEnd,
  content: object,
  folder: string,
): Promise<string> {
  const { contents, kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const name = kernelspecs.specs?.default ?? "python3";
  const kernelspec = {
    name,
    display_name: kernelspecs.specs?.kernelspecs[name]?.display_name ?? name,
  };
  const { path } = await contents.newUntitled({ path: folder, type: "notebook" });
  await contents.save(path, {
    type: "notebook",
    format: "json",
    content: { ...content, metadata: { kernelspec } },
  });
  return path;
}

export function openNotebook(app: JupyterFrontEnd, path: string): Promise<Widget> {
  return app.commands.execute("docmanager:open", { path, factory: "Notebook" });
}
