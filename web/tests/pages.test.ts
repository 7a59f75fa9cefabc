// All pages in a browser, in both themes, on a desktop and on a phone: axe-core finds nothing, nothing is cut off. The
// first load is small, a long answer draws its last block alone, the pages of runs and of the server follow what
// happens.
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunDirectory } from "../../src/run/run-directory.js";
import { watchRuns } from "../../src/server/watch.js";
import { DESKTOP, openPage, PHONE, PLAIN_TEMPLATE, say, scriptedServer, thinker } from "./open-pages.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ANSWER = `Seven by eight.\n</think>\n\n# Sum\n\nIt is **56**, \`7*8\`, $7 \\times 8$.

| a | b | a very long heading of a column | and another one of these |
|---|---|---|---|
| 1 | 2 | 3 | 4 |

\`\`\`python
print("a line of code that is longer than the screen of a telephone is wide, by far")
\`\`\`

> quoted

- [x] done
- [a link](https://example.org/a/very/long/address/without/any/place/to/break/it/anywhere/at/all)`;
const words = (count: number) =>
  Array.from({ length: count }, (_, i) => (i % 40 === 0 ? `\n\n${i}` : ` ${(i * 7919) % 9973}`)).join("");

const folder = mkdtempSync(join(tmpdir(), "luciole-browser-"));
let run: RunDirectory;
let server: Awaited<ReturnType<typeof scriptedServer>>;

const step = (number: number) => ({
  ...{ phase: "rl" as const, step: number, time: new Date(Date.UTC(2026, 0, 1) + number * 2000).toISOString() },
  ...{
    reward: number / 10,
    entropy: 1,
    grad_norm: 2,
    "expert_load/1": [0.25, 0.75],
    "rewards/accuracy_reward/mean": 0.5,
  },
});

beforeAll(async () => {
  const create = (name: string) =>
    RunDirectory.create({ verb: "rl", path: join(folder, name), seed: 3, options: {}, isa: "none" });
  run = create("first");
  run.writePlan({ phase: "rl", steps: 40 });
  for (let i = 1; i <= 12; i++) run.logMetrics(step(i));
  run.logSample({
    ...{ phase: "rl", step: 12, problem: "p", prompt: "What is <b>7*8</b>?", completion: "<think>Hm</think>56" },
    ...{ correct: true, reward: 1.5, rewards: { accuracy_reward: 1, format_reward: 0.5 }, numTokens: 9 },
  });
  const other = create("second");
  for (let i = 1; i <= 6; i++) other.logMetrics({ ...step(i), reward: -i });
  other.close();
  server = await scriptedServer(
    {
      "a-model-with-quite-a-long-name-as-they-have": thinker(() => ANSWER),
      writer: { template: PLAIN_TEMPLATE, says: () => words(2000), maxPositions: 16_384, numBlocks: 2048 },
    },
    { runs: folder },
  );
});
afterAll(() => {
  run.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What axe-core finds, a line for each. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  });
}

/** What reaches beyond the screen and lies in nothing that scrolls. */
const cutOff = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const scrolls = (element: Element | null): boolean =>
      element !== null &&
      element !== document.documentElement &&
      (/auto|scroll/.test(getComputedStyle(element).overflowX) ? element.scrollWidth > element.clientWidth : false);
    const inScrolling = (element: Element | null): boolean =>
      element !== null && (scrolls(element) || inScrolling(element.parentElement));
    const isShown = (element: Element) => element.checkVisibility({ visibilityProperty: true });
    const beyond = [...document.querySelectorAll("#app *")].filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return (
        width > 1 && (right > innerWidth + 1 || left < -1) && isShown(element) && !inScrolling(element.parentElement)
      );
    });
    const isWide = document.documentElement.scrollWidth > innerWidth;
    return [...(isWide ? ["the page"] : []), ...beyond.map(({ outerHTML }) => outerHTML.slice(0, 120))];
  });

test("on a phone, nothing is cut off in the other language either", async () => {
  const { page } = await openPage(server.url, { viewport: PHONE, locale: "fr-FR" });
  for (const name of ["Essais", "Serveur", "Chat"]) {
    await page.getByRole("link", { name }).click();
    await page.waitForTimeout(200);
    expect([name, await cutOff(page)]).toEqual([name, []]);
  }
});

describe.each([
  ["desktop", DESKTOP, "light"],
  ["desktop", DESKTOP, "dark"],
  ["phone", PHONE, "light"],
  ["phone", PHONE, "dark"],
] as const)("on a %s", (name, viewport, colorScheme) => {
  test(`in the ${colorScheme} theme, axe-core finds nothing and nothing is cut off`, async () => {
    const { page, elsewhere, complaints } = await openPage(server.url, { viewport, colorScheme });
    const look = async (what: string) => {
      const cut = name === "phone" ? await cutOff(page) : [];
      expect({ what, found: await findings(page), cut }).toEqual({ what, found: [], cut: [] });
    };
    await page.waitForSelector(".composer");
    await look("an empty chat");
    await say(page, "What is 7*8? ".repeat(9));
    await page.getByRole("button", { name: /^Thought/ }).click();
    await page.waitForSelector(".katex");
    await look("an answer");
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Temperature").fill("9");
    await look("settings");
    await page.keyboard.press("Escape");
    if (name === "phone") {
      await page.getByRole("button", { name: "Show conversations" }).click();
      await look("conversations");
      await page.getByRole("navigation", { name: "Conversations" }).getByRole("button", { name: "Hide" }).click();
    }
    await page.getByRole("button", { name: "Compare two models" }).click();
    await look("a comparison");
    await page.getByRole("link", { name: "Runs" }).click();
    await page.waitForSelector(".samples");
    await page.locator(".samples summary").click();
    await look("runs");
    await page.getByRole("link", { name: "Server" }).click();
    await page.waitForSelector(".model-card dd");
    await look("server");
    expect({ elsewhere, complaints }).toEqual({ elsewhere: [], complaints: [] });
  });
});

test("the first load is at most 300 KB", async () => {
  const { page } = await openPage("about:blank");
  const sizes: number[] = [];
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => sizes.push(encodedDataLength));
  await page.goto(server.url);
  await page.waitForSelector(".composer");
  await page.waitForLoadState("networkidle");
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect(sizes.length).toBeGreaterThan(4);
  expect(total).toBeGreaterThan(60_000); // or nothing was measured
  expect(total).toBeLessThan(300_000);
});

test("an answer of ten thousand tokens draws at most once a frame, and its last block alone", async () => {
  const { page } = await openPage(server.url);
  await page.getByRole("combobox", { name: "Model" }).selectOption("writer");
  await page.evaluate(() => {
    const counts = { frames: 0, changes: 0, ofSettled: 0 };
    Object.assign(window, { counts });
    const count = () => {
      counts.frames++;
      requestAnimationFrame(count);
    };
    count();
    new MutationObserver((records) => {
      const blocks = document.querySelectorAll(".turn.assistant .markdown > *");
      const settled = [...blocks].slice(0, -2); // that one may be settled in the same frame in which the next begins
      const touched = (node: Node) => settled.some((block) => block.contains(node));
      counts.changes++;
      const isReplaced = ({ target, removedNodes }: MutationRecord) =>
        removedNodes.length > 0 && (target as Element).matches?.(".markdown");
      counts.ofSettled += records.filter((record) => touched(record.target) || isReplaced(record)).length;
    }).observe(document.querySelector(".sides") as Element, { subtree: true, childList: true, characterData: true });
  });
  await say(page, "Write.");
  const counts = await page.evaluate(
    () => (window as unknown as { counts: { frames: number; changes: number; ofSettled: number } }).counts,
  );
  await expect.poll(() => page.locator(".turn.assistant .figures").innerText()).toMatch(/ (9|1\d),\d{3} tokens /);
  await expect.poll(() => page.locator(".turn.assistant .markdown > *").count()).toBe(50);
  expect(counts.changes).toBeGreaterThan(20);
  expect(counts.changes).toBeLessThanOrEqual(counts.frames + 3);
  expect(counts.ofSettled).toBe(0);
});

test("a run's curves grow with it, with the time left; another is laid over it, and its samples are read", async () => {
  const { page } = await openPage(`${server.url}/runs/first`);
  const reward = page.locator("figure", { hasText: "mean over the rollouts of a step" }).locator(".u-legend");
  await expect.poll(() => reward.innerText()).toMatch(/^step\s*12\s*reward\s*1\.2$/);
  await expect.poll(() => page.locator(".run-state").innerText()).toMatch(/running\s+rl\s+Step 12 of 40\s+56 s left/);
  for (let i = 13; i <= 15; i++) run.logMetrics(step(i));
  await expect.poll(() => reward.innerText()).toMatch(/^step\s*15\s*reward\s*1\.5$/);
  await page.getByRole("checkbox", { name: "Overlay second" }).click();
  await expect.poll(() => reward.innerText()).toMatch(/first\s*1\.5\s*second\s*-6$/);
  const samples = page.locator(".samples");
  expect(await samples.locator("th").allInnerTexts()).toEqual([
    "Step",
    "Sample",
    "Tokens",
    "Reward",
    "accuracy",
    "format",
  ]);
  expect(await samples.locator("tbody td").allInnerTexts()).toEqual([
    "12",
    expect.stringMatching(/^right What is <b>7\*8<\/b>\? <think>Hm<\/think>56/),
    "9",
    "1.5",
    "1",
    "0.5",
  ]);
  await expect.poll(() => page.locator(".heats canvas").count()).toBe(1);
  appendFileSync(join(folder, "first", "metrics.jsonl"), "{no\n");
  await expect.poll(() => page.getByRole("alert").innerText()).toMatch(/expected one JSON object/);
});

test("luciole watch's page shows the run alone, without chat and server", async () => {
  const watching = await watchRuns({ folder, only: "second" }, 0);
  const { page } = await openPage(`${watching.url}/runs/second`);
  await expect.poll(() => page.locator("h1").innerText()).toBe("second");
  await page.waitForSelector(".uplot");
  await expect.poll(() => page.locator(".run-list li").count()).toBe(1);
  expect(await page.locator(".top nav a").allInnerTexts()).toEqual(["Runs"]);
  await page.close();
  await watching.drain(0);
});

test("the server's page tells what runs now", async () => {
  const { page } = await openPage(server.url);
  await page.getByRole("combobox", { name: "Model" }).selectOption("writer");
  await page.getByRole("textbox", { name: "Message" }).fill("Write it again.");
  await page.keyboard.press("Enter");
  const { page: status } = await openPage(`${server.url}/server`);
  const tile = status.locator(".tile", { hasText: "Requests now" }).locator("dd");
  await expect.poll(() => tile.innerText()).toBe("1");
  const card = status.locator(".model-card", { hasText: "writer" });
  expect(await card.innerText()).toMatch(/loaded.*Cache [\d.]+%.*Running\s+1/s);
  await page.keyboard.press("Escape");
  await expect.poll(() => tile.innerText()).toBe("0");
});
