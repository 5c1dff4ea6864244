import { useRef } from "preact/hooks";
import { download } from "../../model/download";
import { pictureOf, pngOf } from "../../model/picture";
import { useAction } from "../drill/asking";
import { Button } from "./Button";
import { Menu } from "./Menu";

/** Saves the chart of the figure that it stands in, as SVG or PNG. */
export function PictureMenu() {
  const place = useRef<HTMLSpanElement>(null);
  const action = useAction();

  function save(form: "svg" | "png"): void {
    const figure = place.current?.closest("figure");
    if (!figure) {
      return;
    }
    const name = `${figure.querySelector("[data-title]")?.textContent ?? "chart"}.${form}`;
    const picture = pictureOf(figure);
    action.start(async () => {
      if (form === "svg") {
        download(name, picture.svg, "image/svg+xml");
      } else {
        download(name, await pngOf(picture), "image/png");
      }
    });
  }

  return (
    <span class="mipro-picture" ref={place}>
      <Menu label="Save chart">
        <Button kind="quiet" onClick={() => save("svg")}>
          SVG
        </Button>
        <Button kind="quiet" disabled={action.pending} onClick={() => save("png")}>
          PNG
        </Button>
        {action.error !== null && <p class="mipro-small">{action.error}</p>}
      </Menu>
    </span>
  );
}
