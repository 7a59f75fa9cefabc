// Comparing keys takes as long for a right one as for any other, and for one wrong from its first letter as for one
// wrong in its last.
import { Hono } from "hono";
import { expect, test, vi } from "vitest";
import { asApiError } from "../api-error.js";
import type { Env } from "../context.js";
import { keyGuard } from "./guards.js";

const compared = vi.hoisted(() => ({ count: 0 }));
vi.mock("node:crypto", async (importOriginal) => {
  const crypto = await importOriginal<typeof import("node:crypto")>();
  const timingSafeEqual = (a: Buffer, b: Buffer) => {
    compared.count++;
    return crypto.timingSafeEqual(a, b);
  };
  return { ...crypto, timingSafeEqual };
});

const KEYS = Array.from({ length: 64 }, (_, i) => ({
  name: `key ${i}`,
  key: `${i}`.padStart(3, "k") + "x".repeat(400),
}));
const app = new Hono<Env>().use(keyGuard(KEYS)).get("/", (c) => c.text(c.var.client ?? ""));
app.onError((error, c) => c.text("", asApiError(error).status));
const ask = async (key: string) => app.request("/", { headers: { "x-api-key": key } });

const [{ key: first }, { key: last }] = [KEYS[0], KEYS[63]];
const WRONG = { early: `-${last.slice(1)}`, late: `${last.slice(0, -1)}-`, short: "-" };

test("a key is compared with every known one, whether it is one of them and wherever it differs", async () => {
  const counts: Record<string, number> = {};
  for (const [what, key] of Object.entries({ first, last, ...WRONG })) {
    compared.count = 0;
    expect((await ask(key)).status).toBe(what in WRONG ? 401 : 200);
    counts[what] = compared.count;
  }
  expect(counts).toEqual({ first: 64, last: 64, early: 64, late: 64, short: 64 });
});

test("the time tells nothing: medians of many questions in turn are alike", async () => {
  const pairs = { right: [first, last], wrong: [WRONG.early, WRONG.late] };
  for (const [what, keys] of Object.entries(pairs)) {
    const times: number[][] = keys.map(() => []);
    for (let i = 0; i < 1500; i++)
      for (const [k, key] of keys.entries()) {
        const startedMs = performance.now();
        await ask(key);
        times[k].push(performance.now() - startedMs);
      }
    const [a, b] = times.map((each) => each.sort((x, y) => x - y)[each.length / 2]);
    expect([what, Math.abs(Math.log(a / b)) < Math.log(1.25)]).toEqual([what, true]);
  }
}, 60_000);
