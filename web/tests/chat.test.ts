// The chat in a browser: thought and answer, stopping, branches, settings, two models, history, keys, languages, and
// that nothing a model writes can act.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { answered, openPage, PLAIN_TEMPLATE, say, scriptedServer, thinker } from "./open-pages.ts";

const HOSTILE = `<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">

<iframe srcdoc="<script>parent.hacked = 3</script>"></iframe> [a](javascript:window.hacked=4) <a href="data:,1">b</a>

![picture](https://evil.example/track.png) <https://evil.example/auto> [good](https://example.org/x)

<svg onload="window.hacked = 5"><style>* { display: none }</style></svg> <form action="https://evil.example"><input></form>

$\\href{javascript:window.hacked=6}{x}$ $\\includegraphics{https://evil.example/k.png}$ $\\htmlClass{turn user}{y}$

| <img src=x onerror=window.hacked=7> | b |
|---|---|
| [c](data:text/html,<script>window.hacked=8</script>) | d |

\`\`\`html
</code></pre><script>window.hacked = 9</script>
\`\`\`
`;

/** Holds a step up, so that an answer takes its time. */
const pause = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4);

let server: Awaited<ReturnType<typeof scriptedServer>>;
beforeAll(async () => {
  server = await scriptedServer({
    thinker: thinker((prompt) => {
      if (prompt.includes("hostile")) return `${HOSTILE}\n</think>\n\n${HOSTILE}`;
      if (prompt.includes("rich"))
        return "Hm.\n</think>\n\nThe sum is **56**: \\(7 \\times 8\\).\n\n```python\nprint(56)\n```\n\n- one\n- two";
      return "We multiply seven by eight.\n</think>\n\nIt is 56.";
    }),
    endless: {
      template: PLAIN_TEMPLATE,
      says: () => Array.from({ length: 900 }, (_, i) => i).join(" "),
      onStep: pause,
    },
    slow: thinker(() => "We multiply seven by eight.\n</think>\n\nIt is 56.", { onStep: pause }),
    json: thinker(() => 'Hm.\n</think>\n\n{"sum": 56}'),
  });
});

test("a message brings thought and answer: the thought folded, with time and tokens, and opened at will", async () => {
  const { page, elsewhere, complaints } = await openPage(server.url);
  await page.getByRole("combobox", { name: "Model" }).selectOption("slow");
  await say(page, "What is 7*8?");
  const turn = page.locator(".turn.assistant");
  await expect.poll(() => turn.locator(".markdown").last().innerText()).toBe("It is 56.");
  const head = turn.getByRole("button", { name: /^Thought/ });
  expect(await head.innerText()).toMatch(/^Thought\s+[\d.]+ s · 28 tokens$/);
  expect(await head.getAttribute("aria-expanded")).toBe("false");
  await expect.poll(() => page.getByText("We multiply seven by eight.").count()).toBe(0);
  await head.click();
  await expect.poll(() => page.getByText("We multiply seven by eight.").isVisible()).toBe(true);
  await expect
    .poll(() => turn.locator(".figures").innerText())
    .toMatch(/^slow · 41 tokens · [\d,.]+ tokens\/s · [\d.]+ s/);
  expect({ elsewhere, complaints }).toEqual({ elsewhere: [], complaints: [] });
});

test("Markdown, formulas and code are drawn as such; code is copied with its button", async () => {
  const { page, complaints } = await openPage(server.url);
  await say(page, "rich");
  const answer = page.locator(".turn.assistant .markdown").last();
  await expect.poll(() => answer.locator("strong").innerText()).toBe("56");
  expect(await answer.locator("li").allInnerTexts()).toEqual(["one", "two"]);
  await expect.poll(() => answer.locator(".katex").count()).toBe(1);
  await expect.poll(() => answer.locator("code .hljs-built_in").count()).toBe(1);
  await answer.getByRole("button", { name: "Copy" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("print(56)");
  expect(complaints).toEqual([]);
});

test("Esc stops the answer: what has come of it stays, and the server computes no further", async () => {
  const { page } = await openPage(server.url);
  await page.getByRole("combobox", { name: "Model" }).selectOption("endless");
  await page.getByRole("textbox", { name: "Message" }).fill("Count.");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.locator(".turn.assistant .markdown").innerText()).toMatch(/^0 1 2 3/);
  await page.keyboard.press("Escape");
  await expect.poll(() => page.locator(".ending").innerText()).toBe("Stopped.");
  await expect.poll(() => page.locator(".turn.assistant .markdown").innerText()).toMatch(/^0 1 2 3/);
  await expect.poll(() => server.models.status().find(({ name }) => name === "endless")?.active).toBe(0);
});

test("another answer and an edited message are branches, and one gets from one to the other", async () => {
  const { page } = await openPage(server.url);
  const last = () => page.locator(".turn.assistant .markdown").last().innerText();
  await say(page, "What is 6*9?");
  const first = await last();
  await page.getByRole("combobox", { name: "Model" }).selectOption("json");
  await page.getByRole("button", { name: "Answer again" }).click();
  await expect.poll(() => page.getByText("2 of 2").count()).toBe(1);
  await answered(page);
  expect([first, await last()]).toEqual(["It is 56.", '{"sum": 56}']);
  await page.getByRole("button", { name: "Previous branch" }).click();
  await expect.poll(last).toBe(first);
  await page.locator(".turn.user").hover();
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("textbox", { name: "Edit" }).fill("rich");
  await page.getByRole("combobox", { name: "Model" }).selectOption("thinker");
  await page.getByRole("button", { name: "Send as a new branch" }).click();
  await expect.poll(last).toMatch(/^The sum is 56/);
  await answered(page);
  await page.locator(".turn.user").hover();
  await page.locator(".turn.user").getByRole("button", { name: "Previous branch" }).click();
  await expect.poll(last).toBe(first);
});

test("nothing that a model writes acts, loads or leads away from the page", async () => {
  const { page, elsewhere } = await openPage(server.url);
  await say(page, "hostile");
  await page.getByRole("button", { name: /^Thought/ }).click();
  await page.waitForTimeout(300);
  const found = await page.evaluate(() => ({
    hacked: (window as { hacked?: number }).hacked,
    elements: document.querySelectorAll(
      ".markdown :is(script, img, iframe, svg:not(.icon):not(.katex svg), style, form, input, object, embed, link)",
    ).length,
    handlers: [...document.querySelectorAll(".markdown *")].filter(({ attributes }) =>
      [...attributes].some(({ name }) => name.startsWith("on") || name === "srcdoc"),
    ).length,
    links: [...new Set([...document.querySelectorAll<HTMLAnchorElement>(".markdown a")].map(({ href }) => href))],
    rels: [...new Set([...document.querySelectorAll<HTMLAnchorElement>(".markdown a[href]")].map(({ rel }) => rel))],
    turns: document.querySelectorAll(".turn.user").length,
  }));
  expect(found).toEqual({
    hacked: undefined,
    elements: 0,
    handlers: 0,
    links: expect.arrayContaining(["https://example.org/x", "https://evil.example/track.png"]),
    rels: ["noopener noreferrer nofollow"],
    turns: 1,
  });
  expect(found.links.filter((link) => link !== "" && !link.startsWith("https://"))).toEqual([]);
  await expect
    .poll(() => page.locator(".turn.assistant .markdown").last().innerText())
    .toContain("<script>window.hacked = 1");
  expect(elsewhere).toEqual([]);
});

describe("settings", () => {
  test("go along with the request; what is out of range is said and changes nothing", async () => {
    const { page } = await openPage(server.url);
    const bodies: Record<string, unknown>[] = [];
    page.on("request", (request) => request.method() === "POST" && bodies.push(request.postDataJSON()));
    await page.getByRole("button", { name: "Settings" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("System prompt").fill("Be brief.");
    await dialog.getByLabel("Temperature").fill("3");
    await expect.poll(() => dialog.getByRole("alert").innerText()).toBe("Expected a number from 0 to 2.");
    await dialog.getByLabel("Top-k").fill("7");
    await dialog.getByLabel("Thinking budget").fill("12");
    await page.keyboard.press("Escape");
    await say(page, "What is 7*8?");
    expect(bodies[0]).toMatchObject({ top_k: 7, thinking_budget: 12, messages: [{ content: "Be brief." }, {}] });
    expect(bodies[0]).not.toHaveProperty("temperature");
  });
  test("a JSON schema makes answers JSON of its form, which stand there as code", async () => {
    const { page } = await openPage(server.url);
    await page.getByRole("combobox", { name: "Model" }).selectOption("json");
    await page.keyboard.press("Alt+,");
    const field = page.getByRole("dialog").getByLabel("JSON schema");
    await field.fill('{"type":');
    await expect
      .poll(() => page.getByRole("dialog").getByRole("alert").innerText())
      .toMatch(/^This is not a JSON schema/);
    await field.fill('{"type":"object","properties":{"sum":{"type":"integer"}},"required":["sum"]}');
    await page.getByRole("button", { name: "Done" }).click();
    await say(page, "7*8 as JSON");
    await expect.poll(() => page.locator(".turn.assistant .code pre").innerText()).toBe('{\n  "sum": 56\n}');
  });
});

test("two models answer the same message side by side", async () => {
  const { page } = await openPage(server.url);
  await page.getByRole("button", { name: "Compare two models" }).click();
  await page.getByRole("combobox", { name: "Second model" }).selectOption("json");
  await say(page, "What is 7*8?");
  const sides = page.locator(".side");
  await expect.poll(() => sides.nth(0).locator(".markdown").last().innerText()).toBe("It is 56.");
  await expect.poll(() => sides.nth(1).locator(".markdown").last().innerText()).toBe('{"sum": 56}');
  const boxes = await Promise.all([0, 1].map((i) => sides.nth(i).boundingBox()));
  expect(boxes[1]?.x).toBeGreaterThanOrEqual((boxes[0]?.x ?? 0) + (boxes[0]?.width ?? 0));
});

test("conversations are kept in the browser, opened again, exported, deleted and put back", async () => {
  const { page } = await openPage(server.url);
  await say(page, "What is 7*8?");
  await page.reload();
  await page.getByRole("button", { name: "What is 7*8?" }).click();
  await expect.poll(() => page.locator(".turn.assistant .markdown").innerText()).toBe("It is 56.");
  const saved = async (name: string) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name, exact: true }).click(),
    ]);
    return [download.suggestedFilename(), readFileSync(await download.path(), "utf8")];
  };
  expect(await saved("Export as Markdown")).toEqual([
    "what-is-7-8.md",
    "# What is 7*8?\n\n## You\n\nWhat is 7*8?\n\n## thinker\n\n> We multiply seven by eight.\n\nIt is 56.\n",
  ]);
  const [name, json] = await saved("Export as JSON");
  expect([name, JSON.parse(json).sides[0].model]).toEqual(["what-is-7-8.json", "thinker"]);
  await page.getByRole("button", { name: "Delete conversation" }).click();
  await expect.poll(() => page.locator(".conversations li").count()).toBe(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.waitForTimeout(200); // until it is written
  await page.reload();
  await expect.poll(() => page.locator(".conversations li").count()).toBe(1);
});

test("all of it goes by keys", async () => {
  const { page } = await openPage(server.url);
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe("TEXTAREA");
  await page.keyboard.type("one line");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("What is 7*8?");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.locator(".turn.assistant .figures").count()).toBe(1);
  await answered(page);
  await expect.poll(() => page.locator(".said").innerText()).toBe("one line\nWhat is 7*8?");
  await page.keyboard.press("Alt+c");
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("It is 56.");
  await page.keyboard.press("Alt+r");
  await expect.poll(() => page.getByText("2 of 2").count()).toBe(1);
  await answered(page);
  await page.keyboard.press("ArrowUp");
  await expect.poll(() => page.getByRole("textbox", { name: "Edit" }).inputValue()).toContain("one line");
  await page.keyboard.press("Escape");
  await expect.poll(() => page.getByRole("textbox", { name: "Edit" }).count()).toBe(0);
  await page.locator(".turns").focus();
  await page.keyboard.press("?");
  await expect.poll(() => page.getByRole("dialog", { name: "Keyboard shortcuts" }).isVisible()).toBe(true);
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.press("Alt+n");
  await expect.poll(() => page.locator(".turn").count()).toBe(0);
});

test("the page speaks the browser's language, or the one that is chosen, and stays with it", async () => {
  const { page } = await openPage(server.url, { locale: "fr-FR" });
  await expect.poll(() => page.getByRole("link", { name: "Essais" }).count()).toBe(0); // no runs are served
  expect(await page.getByRole("textbox", { name: "Message" }).getAttribute("placeholder")).toBe("Écrire un message");
  expect(await page.locator("html").getAttribute("lang")).toBe("fr");
  await page.getByRole("combobox", { name: "Langue" }).selectOption("en");
  expect(await page.getByRole("textbox", { name: "Message" }).getAttribute("placeholder")).toBe("Write a message");
  await page.reload();
  await expect.poll(() => page.locator("html").getAttribute("lang")).toBe("en");
});

test("a server with keys asks for one; the right one opens the chat and is kept", async () => {
  const keys = [{ name: "ada", key: "ada-secret-1" }];
  const { url } = await scriptedServer({ thinker: thinker(() => "Hm.\n</think>\n\nHello.") }, { keys });
  const { page } = await openPage(url);
  await page.getByLabel("API key").fill("wrong-secret");
  await page.keyboard.press("Enter");
  await page.getByLabel("API key").fill("ada-secret-1");
  await page.keyboard.press("Enter");
  await say(page, "Hi");
  await page.reload();
  await expect.poll(() => page.getByRole("textbox", { name: "Message" }).count()).toBe(1);
});

test("what the server refuses stands under the message in its words; one that is gone is said to be", async () => {
  const own = await scriptedServer({ small: { template: PLAIN_TEMPLATE, says: () => "Hi.", maxPositions: 64 } });
  const { page } = await openPage(own.url);
  await say(page, "long ".repeat(40));
  await expect.poll(() => page.locator(".turn.assistant [role=alert]").innerText()).toMatch(/context.*64/);
  await own.close();
  await page.getByRole("button", { name: "Answer again" }).click();
  await expect.poll(() => page.locator(".turn.assistant [role=alert]").innerText()).toBe("The server does not answer.");
});
