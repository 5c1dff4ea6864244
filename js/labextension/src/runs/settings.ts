/** The settings of recorded runs: what the extension asks of them, and the place of the record. */

import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import type { IFormRendererRegistry } from "@jupyterlab/ui-components";
import { createElement, useEffect, useState } from "react";
import type { Kernel } from "../../../shared/src/model/kernel";

const PLUGIN = "mipro-nb:runs";

/** Caps that a new notebook begins with; null for no cap. */
export interface NewCaps {
  readonly max_usd: number | null;
  readonly max_calls: number | null;
}

export class RunsSettings {
  #loaded: ISettingRegistry.ISettings | null = null;

  constructor(registry: ISettingRegistry | null) {
    registry?.load(PLUGIN).then(
      (settings) => {
        this.#loaded = settings;
      },
      (reason: unknown) => console.error("The settings of prompt runs cannot be read.", reason),
    );
  }

  get notifies(): boolean {
    return this.#loaded?.composite.notifications !== false;
  }

  get caps(): NewCaps {
    return { max_usd: this.#number("maxUsd"), max_calls: this.#number("maxCalls") };
  }

  #number(name: string): number | null {
    const value = this.#loaded?.composite[name];
    return typeof value === "number" ? value : null;
  }
}

/** Has the settings show where the record is: that is up to the server's configuration. */
export function showRecord(forms: IFormRendererRegistry, kernel: Kernel): void {
  forms.addRenderer(`${PLUGIN}.record`, {
    fieldRenderer: () => createElement(RecordPlace, { kernel }),
  });
}

function RecordPlace({ kernel }: { readonly kernel: Kernel }) {
  const [told, setTold] = useState("…");
  useEffect(() => {
    kernel.ask("record_place", {}).then(setTold, (reason: Error) => setTold(reason.message));
  }, [kernel]);
  return createElement(
    "div",
    { className: "mipro-record-place" },
    createElement("h3", { className: "jp-FormGroup-fieldLabel" }, "Record"),
    createElement("code", null, told),
  );
}
