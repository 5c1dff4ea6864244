/** `%%mipro` cells in color. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { EditorExtensionRegistry, IEditorExtensionRegistry } from "@jupyterlab/codemirror";
import "../../style/magics.css";
import { highlighting } from "./highlighting";

export const magicsPlugin: JupyterFrontEndPlugin<void> = {
  id: "mipro-nb:magics",
  description: "Highlights %%mipro cells and %mipro lines.",
  autoStart: true,
  requires: [IEditorExtensionRegistry],
  activate: (_app: JupyterFrontEnd, editors: IEditorExtensionRegistry) => {
    editors.addExtension({
      name: "mipro-nb:magics",
      // Only cells have magics: a file of Python that looks like one has none.
      factory: ({ inline }) =>
        inline ? EditorExtensionRegistry.createImmutableExtension(highlighting) : null,
    });
  },
};
