// Measures frames and CPU of the live view, at up to 50 deltas a second, and of the side panel's list
// of 2,000 runs: node dev/measure.mjs [SECONDS]
import { Browser } from "./browser.mjs";
import { buildPage } from "./build.mjs";

const seconds = Number(process.argv[2] ?? 10);
const page = await buildPage();
const browser = await Browser.open();
try {
  for (const [what, scene, rate, width] of [
    ["2,000 trials, nothing happens", "many", 0, 1100],
    ["40 trials, 50 deltas a second", "still", 50, 1100],
    ["2,000 trials, 50 deltas a second", "many", 50, 1100],
    ["panel of 2,000 runs, nothing happens", "runs", 0, 320],
    ["panel of 2,000 runs, scrolled all the time", "runs", 0, 320],
  ]) {
    const scrolls = what.includes("scrolled");
    await browser.resize(width, 900);
    await browser.goto(`${page.href}?scene=${scene}&host=light&rate=${rate}`);
    await browser.evaluate("new Promise((done) => setTimeout(done, 1500))");
    const before = await browser.computed();
    const frames = await browser.evaluate(`(${measure})(${seconds}, ${scrolls})`);
    const cpu = ((await browser.computed()) - before) / seconds;
    console.log(`${what}: ${frames}, ${Math.round(1000 * cpu)} ms CPU a second`);
  }
} finally {
  await browser.close();
}

/** Runs in the page. */
async function measure(seconds, scrolls) {
  const frames = [];
  const long = [];
  new PerformanceObserver((list) => {
    long.push(...list.getEntries().map((entry) => entry.duration));
  }).observe({ type: "longtask" });
  const sent = window.channel.deltas;
  const end = performance.now() + seconds * 1000;
  let last = await new Promise(requestAnimationFrame);
  while (last < end) {
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    if (scrolls) {
      document.querySelector("[role=grid]").scrollTop += 40;
    }
    last = now;
  }
  frames.sort((a, b) => a - b);
  const mean = frames.reduce((sum, frame) => sum + frame, 0) / frames.length;
  const at = (share) => frames[Math.floor(share * (frames.length - 1))].toFixed(1);
  return [
    `mean ${mean.toFixed(1)} ms`,
    `median ${at(0.5)} ms`,
    `95 % ${at(0.95)} ms`,
    `longest ${at(1)} ms`,
    `${long.length} tasks above 50 ms`,
    `${window.channel.deltas - sent} deltas`,
  ].join(", ");
}
