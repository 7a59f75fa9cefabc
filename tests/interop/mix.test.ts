// A mix of models behind the server's dialects: the reply of the vote, streamed and not, with what each member did.
import OpenAI from "openai";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { Mix } from "../../src/mix/index.js";
import { boxed, scriptedMember } from "../../src/mix/scripted-member.fixture.js";
import { votePolicy } from "../../src/mix/vote.js";
import { ServedEngine } from "../../src/server/models/served-engine.js";
import { mixParts, ServedModel } from "../../src/server/models/served-model.js";
import { startServer } from "../../src/server/server.js";
import { createByteTokenizer, createTokenizer } from "../../src/tokenizer/index.js";

const other = createTokenizer(createByteTokenizer({ bos: "<b>" }).toJSON(), {
  chat_template: "Q {{ messages[-1].content }} A",
});

/** A server with a mix of two members under the name `team`. */
async function teamServer(hangs = false) {
  const made = [
    scriptedMember({ name: "a", says: (_, n) => `<think>n ${n}</think>\n\n${boxed("3", "2")(_, n)}`, hangs }),
    scriptedMember({ name: "b", says: boxed("2"), tokenizer: other, hangs }),
  ];
  const members = made.map(({ member }) => member);
  const mix = new Mix(members, votePolicy(members, { samples: 4, round: 2 }));
  const stats = async () => ({
    running: 0,
    waiting: 0,
    blocksUsed: 1,
    numBlocks: 2,
    tokensPerSecond: 0,
    preemptions: 0,
    drafted: 0,
    accepted: 0,
    steps: 0,
    promptTokens: 0,
    prefixHitTokens: 0,
    generatedTokens: 0,
  });
  const engines = members.map(() => ({ stats }));
  const server = await startServer(
    { port: 0, drainSeconds: 1, models: [{ name: "team", path: "team" }] },
    {
      log: pino({ level: "silent" }),
      open: async () =>
        new ServedEngine([new ServedModel("team", mixParts(mix))], {
          engines,
          plannedBytes: 1,
          dispose: async () => {},
        }),
    },
  );
  afterAll(() => server.close());
  return { server, made, client: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 }) };
}

const asked = { model: "team", messages: [{ role: "user" as const, content: "1+1?" }] };

test("a chat completion is the first sample of the majority, and the usage tells what each member did", async () => {
  const { client, made, server } = await teamServer();
  const { choices, usage } = await client.chat.completions.create(asked);
  expect(choices[0].message.content).toBe("So it is \\boxed{2}.");
  expect(choices[0].finish_reason).toBe("stop");
  // 3 and 2 are no majority; the second round makes it three of four.
  expect(made.map(({ prompts }) => prompts.length)).toEqual([2, 2]);
  const { members } = usage as unknown as { members: Record<string, unknown>[] };
  expect(members).toMatchObject([
    { member: "a", completions: 2 },
    { member: "b", completions: 2, completion_tokens: 38 },
  ]);
  expect(usage?.completion_tokens).toBe(19);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('luciole_member_generated_tokens_total{model="team",member="b"} 38');
  expect(metrics).toContain('luciole_cache_blocks{model="team"} 4');
});

test("streamed, the winner's reply comes when the vote is settled, and joined is the same", async () => {
  const { client } = await teamServer();
  const stream = await client.chat.completions.create({
    ...asked,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage: unknown;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  expect(text).toBe("So it is \\boxed{2}.");
  expect(usage).toMatchObject({ members: [{ member: "a" }, { member: "b" }] });
});

test("a client that leaves ends the samples of all members", async () => {
  const { client, made } = await teamServer(true);
  const abort = new AbortController();
  const asking = client.chat.completions.create(asked, { signal: abort.signal }).catch(() => {});
  while (made.some(({ prompts }) => prompts.length === 0)) await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort();
  await asking;
  while (made.some(({ cancelled }) => cancelled.length === 0)) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(made.map(({ cancelled }) => cancelled)).toEqual([[0], [0]]);
});

test.each([
  [{ logprobs: true }, /log-probabilities of tokens need one tokenizer, but the members "a" and "b" of this mix/],
  [{ logit_bias: { "5": 1 } }, /biases of tokens \(logit_bias\) need one tokenizer/],
  [
    { tools: [{ type: "function" as const, function: { name: "add", parameters: {} } }] },
    /tools need one tokenizer, but the members "a" and "b"/,
  ],
])("%j is refused where the members have different tokenizers", async (more, message) => {
  const { client } = await teamServer();
  await expect(client.chat.completions.create({ ...asked, ...more })).rejects.toThrow(message);
});

test("log-probabilities are refused in Ollama's dialect, too", async () => {
  const { server } = await teamServer();
  const body = JSON.stringify({ ...asked, stream: false, logprobs: true });
  const response = await fetch(`${server.url}/api/chat`, { method: "POST", body });
  expect(response.status).toBe(400);
  expect(await response.text()).toMatch(/log-probabilities of tokens need one tokenizer/);
});

test("a text to go on with is refused: a mix answers conversations", async () => {
  const { client } = await teamServer();
  const asking = client.completions.create({ model: "team", prompt: "Once" });
  await expect(asking).rejects.toThrow(/a mix of models answers conversations, not texts to go on with/);
});
