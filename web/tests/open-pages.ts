// A browser for tests of the server's pages, with what they are made of at hand: pages that note each request that goes
// elsewhere and each error, models that answer as they are asked. Knows no claim.
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { findChromium } from "../../tests/browser/chromium.js";
import { type Script, scriptedEngine } from "../../tests/interop/scripted-model.js";
import { PLAIN_TEMPLATE, scriptedServer, THINKING_TEMPLATE } from "../../tests/interop/scripted-server.js";

export { PLAIN_TEMPLATE, scriptedEngine, scriptedServer, THINKING_TEMPLATE };

/** Of a desktop and of a phone. */
export const DESKTOP = { width: 1280, height: 860 };
/** Of a phone. */
export const PHONE = { width: 390, height: 844 };

/** A page with what it has done. */
export interface WatchedPage {
  readonly page: Page;
  /** Addresses of other servers that it asked. */
  readonly elsewhere: readonly string[];
  /** What the browser complained of. */
  readonly complaints: readonly string[];
}

let browser: Browser;
beforeAll(async () => {
  const { program, env } = await findChromium();
  browser = await chromium.launch({
    executablePath: program,
    env: env as Record<string, string>,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
});
afterAll(() => browser?.close());

/** Opens an address in a browser that has seen nothing yet. */
export async function openPage(url: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: DESKTOP, locale: "en-US", ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const elsewhere: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin)
      elsewhere.push(request.url());
  });
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(url);
  return { page, elsewhere, complaints };
}

/** A model that thinks, then answers. */
export const thinker = (says: (prompt: string) => string, more: Partial<Script> = {}): Script => ({
  template: THINKING_TEMPLATE,
  tags: ["<think>", "</think>"],
  maxPositions: 4096,
  says: (prompt) => `${says(prompt)}`,
  ...more,
});

/** Writes a message and sends it; resolves when all answers have ended. */
export async function say(page: Page, text: string): Promise<void> {
  const before = await page.locator(".turn.assistant").count();
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
  await expect.poll(() => page.locator(".turn.assistant").count()).toBeGreaterThan(before);
  await answered(page);
}

/** Resolves when no answer is being written. */
export async function answered(page: Page): Promise<void> {
  await expect.poll(() => page.locator(".turn.assistant[aria-busy=true]").count(), { timeout: 200_000 }).toBe(0);
}
