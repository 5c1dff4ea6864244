// Takes pictures of scenes: node dev/screenshots.mjs FOLDER [SCENE[:STEP,STEP…][@WIDTH][/HOST] …]
//
// A step is the name of a tab or button to press, `row N` for a row of the table, or `LABEL=TEXT`
// for what is typed into a field.
import { mkdir, writeFile } from "node:fs/promises";
import { Browser } from "./browser.mjs";
import { buildPage } from "./build.mjs";

const usual = ["finished", "two", "start", "permission", "permission-unpriced", "gone", "cutoff"];
const [folder = "dev/dist/pictures", ...wanted] = process.argv.slice(2);
const page = await buildPage();
await mkdir(folder, { recursive: true });
const browser = await Browser.open();
try {
  for (const spec of wanted.length > 0 ? wanted : everyWay(usual)) {
    const [, scene, steps, width = "1100", host = "light"] =
      /^([\w-]+)(?::([^@/]+))?(?:@(\d+))?(?:\/(\w+))?$/.exec(spec) ?? [];
    await browser.resize(Number(width));
    await browser.goto(`${page.href}?scene=${scene}&host=${host}`);
    for (const step of steps?.split(",") ?? []) {
      await browser.evaluate(press(step));
      await browser.evaluate("new Promise((done) => setTimeout(done, 250))");
    }
    const name = [scene, ...(steps?.split(",") ?? []), width, host].join("-").replaceAll(" ", "_");
    await writeFile(`${folder}/${name}.png`, await browser.screenshot());
    console.log(`${folder}/${name}.png`);
  }
} finally {
  await browser.close();
}

function everyWay(scenes) {
  return scenes.flatMap((scene) => [`${scene}/light`, `${scene}/dark`, `${scene}@700/light`]);
}

function press(step) {
  const row = /^row (\d+)$/.exec(step);
  if (row) {
    return `document.querySelectorAll(".mipro-table-body [role=row]")[${row[1]}].click()`;
  }
  const [label, text] = step.split("=");
  if (text !== undefined) {
    return `{
      const named = [...document.querySelectorAll("label")]
        .find((element) => element.textContent.trim() === ${JSON.stringify(label)});
      const field = document.getElementById(named.htmlFor);
      field.value = ${JSON.stringify(text)};
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }`;
  }
  return `[...document.querySelectorAll("button, [role=tab], summary, label")]
    .find((element) => (element.getAttribute("aria-label") ?? element.textContent).trim().startsWith(${JSON.stringify(step)}))
    .click()`;
}
