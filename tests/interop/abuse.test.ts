// Requests that no client should send, over all paths: never an error of ours, a crash, a hang or a stack trace, and
// nothing is left behind. LUCIOLE_ABUSE_REQUESTS sets how many (default 1500), LUCIOLE_ABUSE_SEED which.
import { expect, test } from "vitest";
import { abuse } from "./abuse.js";
import { scriptedServer, THINKING_TEMPLATE } from "./scripted-server.js";

const COUNT = Number(process.env.LUCIOLE_ABUSE_REQUESTS ?? 1500);
const SEED = Number(process.env.LUCIOLE_ABUSE_SEED ?? 1);

test(`${COUNT} spoilt requests are refused or answered, and the server is as it was`, async () => {
  const server = await scriptedServer(
    {
      m: {
        template: `${THINKING_TEMPLATE}{# <tool_call> #}`,
        tags: ["<think>", "</think>", "<tool_call>", "</tool_call>"],
        says: (prompt) => (prompt.includes("JSON") ? 'Hm.\n</think>\n\n{"sum": 5}' : "Hm.\n</think>\n\nHello."),
        maxPositions: 300,
      },
    },
    { maxBodyBytes: 60_000, requestSeconds: 5 },
  );
  const { faults, statuses } = await abuse(server.port, COUNT, SEED, (line) => console.info(line));
  expect(faults.slice(0, 3)).toEqual([]);
  if (COUNT > 1500) console.info(statuses);
  expect(Number(statuses["200"])).toBeGreaterThan(COUNT / 20);
  expect(Number(statuses["400"])).toBeGreaterThan(COUNT / 5);
  expect(server.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  const reply = await fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ messages: [{ role: "user", content: "Hi" }] }),
  });
  expect(await reply.json()).toMatchObject({ choices: [{ message: { content: "Hello.", reasoning_content: "Hm." } }] });
  await expect.poll(() => server.models.status()[0].active, { timeout: 30_000 }).toBe(0);
  expect((await server.models.stats()).get("m")).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0 });
}, 3_600_000);
