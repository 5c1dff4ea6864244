/** Questions to the Jupyter server. */

import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";
import type { FromKernel, Request } from "../../../shared/src/protocol";

const UNREACHABLE =
  "The Jupyter server does not answer: see that it runs and that you are connected.";

/** The reply to a question; where there is none, a refusal that says why. */
export async function post(
  settings: ServerConnection.ISettings,
  route: "requests" | "files",
  request: Request & { readonly path?: string },
): Promise<FromKernel> {
  const { id } = request;
  try {
    const response = await ServerConnection.makeRequest(
      URLExt.join(settings.baseUrl, "mipro_nb", route),
      { method: "POST", body: JSON.stringify(request) },
      settings,
    );
    if (response.ok) {
      return (await response.json()) as FromKernel;
    }
    const { message } = await ServerConnection.ResponseError.create(response);
    return { kind: "refusal", id, error: message };
  } catch {
    return { kind: "refusal", id, error: UNREACHABLE };
  }
}
