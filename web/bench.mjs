// Measures the page in the system's Chromium: what the first load takes, and how many frames a second it draws while an
// answer of 10,000 tokens streams in. The answers come from a stand-in, as fast as asked. Usage: node web/bench.mjs
// [tokens a second, default 1000]
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const PAGES = join(dirname(fileURLToPath(import.meta.url)), "..", "dist", "web");
const NUM_TOKENS = 10_000;
const TICK_MS = 5;
const rate = Number(process.argv[2] ?? 1000);
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml" };

/** What the i-th token of an answer is. */
const ANSWERS = {
  "short paragraphs": (i) => (i % 60 === 59 ? ".\n\n" : ` word${i}`),
  "one paragraph": (i) => ` word${i}`,
  "one piece of code": (i) => (i === 0 ? "```python\n" : i % 9 === 8 ? "\n" : ` x${i}=1`),
  "headings, formulas, code": (i) => {
    if (i % 100 === 0) return `\n\n## Part ${i}\n\n`;
    if (i % 100 === 50) return `\n\n\\[ x_{${i}} = \\frac{a}{b} \\]\n\n`;
    if (i % 100 === 70) return "\n\n```js\nlet a = ";
    if (i % 100 === 85) return ";\n```\n\n";
    return i % 10 === 3 ? ` $y_{${i}}$` : i % 10 === 6 ? " **bold**" : ` word${i}`;
  },
};
let tokenOf;
let loadedBytes = 0;

function stream(response) {
  response.setHeader("content-type", "text/event-stream");
  const line = (choice) => `data: ${JSON.stringify({ choices: [choice] })}\n\n`;
  const startedMs = performance.now();
  let sent = 0;
  const ticking = setInterval(() => {
    const due = Math.min(NUM_TOKENS, Math.floor(((performance.now() - startedMs) * rate) / 1000));
    const lines = [];
    for (; sent < due; sent++) lines.push(line({ delta: { content: tokenOf(sent) } }));
    response.write(lines.join(""));
    if (sent < NUM_TOKENS) return;
    clearInterval(ticking);
    response.end(`${line({ delta: {}, finish_reason: "stop" })}data: [DONE]\n\n`);
  }, TICK_MS);
}

const server = createServer(({ url }, response) => {
  if (url === "/v1/models") return response.end('{"data":[{"id":"stand-in"}]}');
  if (url === "/luciole/pages") return response.end('{"chat":true,"runs":false,"server":false}');
  if (url === "/v1/chat/completions") return stream(response);
  const name = url.startsWith("/assets/") ? url.slice(1) : "index.html";
  const file = readFileSync(join(PAGES, name));
  response.setHeader("content-type", TYPES[extname(name)] ?? "font/woff2");
  loadedBytes += extname(name) === ".woff2" ? file.length : gzipSync(file).length;
  response.end(file);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}`;
const program = spawnSync("which", ["chromium"], { encoding: "utf8" }).stdout.trim();
const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu"] });

async function opened() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  const startedMs = performance.now();
  await page.goto(address);
  await page.waitForSelector(".composer textarea");
  return { page, readyMs: performance.now() - startedMs };
}

/** The times between frames while an answer streams in, in milliseconds, the longest last. */
async function frames(page) {
  await page.fill(".composer textarea", "Go on.");
  await page.evaluate(() => {
    window.gaps = [];
    let before;
    const note = (at) => {
      if (before !== undefined) window.gaps.push(at - before);
      before = at;
      window.frame = requestAnimationFrame(note);
    };
    window.frame = requestAnimationFrame(note);
  });
  await page.keyboard.press("Enter");
  await page.waitForSelector(".turn.assistant[aria-busy=false]", { timeout: 600_000 });
  return page.evaluate(() => {
    cancelAnimationFrame(window.frame);
    return window.gaps.sort((a, b) => a - b);
  });
}

const { page, readyMs } = await opened();
await page.waitForLoadState("networkidle");
console.log(`first load: ${(loadedBytes / 1000).toFixed(0)} KB, ready after ${readyMs.toFixed(0)} ms`);
await page.close();
console.log(`${NUM_TOKENS} tokens at ${rate} tokens/s`);
for (const [name, answer] of Object.entries(ANSWERS)) {
  tokenOf = answer;
  const { page: each } = await opened();
  const gaps = await frames(each);
  const seconds = gaps.reduce((sum, gap) => sum + gap, 0) / 1000;
  const at = (share) => gaps[Math.floor(share * (gaps.length - 1))].toFixed(1);
  const figures = `${(gaps.length / seconds).toFixed(1)} frames/s; between frames p50 ${at(0.5)}, p99 ${at(0.99)}`;
  console.log(`  ${name}: ${figures}, longest ${at(1)} ms`);
  await each.close();
}
await browser.close();
server.close();
