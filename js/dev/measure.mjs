// Measures frames of a run of 2,000 trials at 50 deltas a second: node dev/measure.mjs [SECONDS]
import { Browser } from "./browser.mjs";
import { buildPage } from "./build.mjs";

const seconds = Number(process.argv[2] ?? 10);
const page = await buildPage();
const browser = await Browser.open();
try {
  for (const [what, scene, rate] of [
    ["2,000 trials, nothing happens", "many", 0],
    ["40 trials, 50 deltas a second", "still", 50],
    ["2,000 trials, 50 deltas a second", "many", 50],
  ]) {
    await browser.resize(1100, 900);
    await browser.goto(`${page.href}?scene=${scene}&host=light&rate=${rate}`);
    await browser.evaluate("new Promise((done) => setTimeout(done, 1500))");
    console.log(`${what}: ${await browser.evaluate(`(${measure})(${seconds})`)}`);
  }
} finally {
  await browser.close();
}

/** Runs in the page. */
async function measure(seconds) {
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
