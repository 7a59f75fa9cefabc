// Many streams at once, some cancelled, some never read: each gets its own text and nothing of another's, the server
// answers in between, and nothing is left when all have ended.
import { connect } from "node:net";
import { expect, test } from "vitest";
import { Random } from "../../src/random.js";
import { PLAIN_TEMPLATE, scriptedServer } from "./scripted-server.js";

const NUM_CLIENTS = 40;
const textFor = (name: string) => `${name} `.repeat(6).trim();

test("40 streams with cancels and stalled readers: none lost, wrong or crossed, no block used at the end", async () => {
  const says = (prompt: string) => textFor(/client-\d+/.exec(prompt)?.[0] ?? "");
  const { url, port, models } = await scriptedServer(
    { m: { template: PLAIN_TEMPLATE, says, numBlocks: 400, maxSequences: 16 } },
    { maxSequences: 16, maxQueue: 1000 },
  );
  const random = new Random(5);
  const body = (name: string) =>
    JSON.stringify({ messages: [{ role: "user", content: name }], stream: true, temperature: 0 });
  const stalled = Array.from({ length: 10 }, (_, i) => {
    const socket = connect(port, "127.0.0.1").pause();
    const sent = body(`client-${1000 + i}`);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${sent.length}\r\n\r\n${sent}`,
    );
    return socket;
  });
  const outcomes = await Promise.all(
    Array.from({ length: NUM_CLIENTS }, async (_, i) => {
      const cancelsAfter = random.below(3) === 0 ? random.below(20) : Number.POSITIVE_INFINITY;
      const stop = new AbortController();
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        body: body(`client-${i}`),
        signal: stop.signal,
      });
      expect(response.status).toBe(200);
      let lines = "";
      let numChunks = 0;
      try {
        for await (const chunk of response.body ?? []) {
          lines += Buffer.from(chunk).toString();
          if (numChunks++ === cancelsAfter) stop.abort();
        }
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      }
      const said = [...lines.matchAll(/"content":"([^"]*)"/g)].map(([, text]) => text).join("");
      const expected = textFor(`client-${i}`);
      const isRight = stop.signal.aborted
        ? expected.startsWith(said)
        : said === expected && lines.endsWith("[DONE]\n\n");
      return isRight ? "right" : `client ${i}: ${said}`;
    }),
  );
  expect(new Set(outcomes)).toEqual(new Set(["right"]));
  expect((await fetch(`${url}/health`)).status).toBe(200);
  for (const socket of stalled) socket.destroy();
  await expect.poll(() => models.status()[0].active, { timeout: 20_000 }).toBe(0);
  expect((await models.stats()).get("m")).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0 });
});
