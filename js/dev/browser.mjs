// A headless Chromium, spoken to through its debugging pipe.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const flags = [
  "--headless",
  "--remote-debugging-pipe",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
];

export class Browser {
  #process;
  #profile;
  #id = 0;
  #waiting = new Map();
  #session;

  static async open(executable = process.env.CHROMIUM ?? "chromium") {
    const browser = new Browser();
    browser.#profile = await mkdtemp(join(tmpdir(), "mipro-page-"));
    browser.#process = spawn(executable, [...flags, `--user-data-dir=${browser.#profile}`], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    browser.#listen();
    const { targetId } = await browser.#send("Target.createTarget", { url: "about:blank" });
    const attached = await browser.#send("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = attached.sessionId;
    await browser.#send("Page.enable");
    return browser;
  }

  async resize(width, height = 800, scale = 1) {
    await this.#send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: scale,
      mobile: false,
    });
  }

  async goto(url) {
    await this.#send("Page.navigate", { url });
    await this.evaluate("new Promise((done) => setTimeout(done, 600))");
  }

  /** The value of an expression; waits for a promise. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  /** A picture of the whole page, as bytes of a PNG. */
  async screenshot() {
    const height = await this.evaluate("Math.ceil(document.documentElement.scrollHeight)");
    const width = await this.evaluate("window.innerWidth");
    const { data } = await this.#send("Page.captureScreenshot", {
      captureBeyondViewport: true,
      clip: { x: 0, y: 0, width, height, scale: 1 },
    });
    return Buffer.from(data, "base64");
  }

  async close() {
    const ended = new Promise((done) => this.#process.once("exit", done));
    await this.#send("Browser.close", {}, null).catch(() => {});
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Seconds that the page has computed so far. */
  async computed() {
    await this.#send("Performance.enable");
    const { metrics } = await this.#send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration").value;
  }

  #listen() {
    let rest = "";
    this.#process.stdio[4].on("data", (chunk) => {
      const parts = (rest + chunk).split("\0");
      rest = parts.pop();
      for (const part of parts) {
        const message = JSON.parse(part);
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        if (message.error) {
          waiting?.reject(new Error(message.error.message));
        } else {
          waiting?.resolve(message.result);
        }
      }
    });
  }

  #send(method, params = {}, session = this.#session) {
    const id = ++this.#id;
    const message = { id, method, params, ...(session ? { sessionId: session } : {}) };
    this.#process.stdio[3].write(`${JSON.stringify(message)}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
}
