/** A new notebook that is ready to be run: a prompt, rows and a metric to replace. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { Widget } from "@lumino/widgets";
import type { Kernel } from "../../../shared/src/model/kernel";

export async function beginNotebook(
  app: JupyterFrontEnd,
  kernel: Kernel,
  folder = "",
): Promise<Widget> {
  const { contents, kernelspecs } = app.serviceManager;
  const content = await kernel.ask("template", {});
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
  return app.commands.execute("docmanager:open", { path, factory: "Notebook" });
}
