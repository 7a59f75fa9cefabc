// Pairs to fine-tune on: the loss is on completions only, conversations keep their template, bad lines are named.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { createTokenizer } from "../tokenizer/create-tokenizer.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { TrainSequence } from "./batch.js";
import { type ExampleOptions, readExamples, tokenisePair } from "./example-data.js";
import { firstOf } from "./sequence-list.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-pairs-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tokenizer = createByteTokenizer({ bos: "<b>", eos: "<e>" });
interface Sides {
  readonly train: TrainSequence[];
  readonly heldOut: TrainSequence[];
}
async function read(
  lines: readonly unknown[],
  by: Tokenizer = tokenizer,
  options: Partial<ExampleOptions> = {},
): Promise<Sides> {
  const path = join(folder, "pairs.jsonl");
  writeFileSync(path, lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  const limits = { heldOutFraction: 0, maxTokens: 40, note: () => {} };
  const { train, heldout } = await readExamples([path], by, { ...limits, ...options });
  return { train: firstOf(train, train.length), heldOut: firstOf(heldout, heldout.length) };
}
const asWritten = (text: string) => ({ text, marks: new Map() });
const textOf = (ids: ArrayLike<number>, by: Tokenizer = tokenizer) => by.decode(ids);

test("a pair is learnt from the first token of its completion to the end token", () => {
  const { ids, learnFrom } = tokenisePair({ prompt: asWritten("2+2="), completion: asWritten("4") }, tokenizer);
  expect(textOf(ids)).toBe("<b>2+2=4<e>");
  expect(textOf(Array.from(ids).slice(learnFrom))).toBe("4<e>");
});
test("prompts held out are held out with all their completions", async () => {
  const lines = Array.from({ length: 80 }, (_, i) => ({ prompt: `q${i >> 1}`, completion: `${i & 1}` }));
  const { train, heldOut } = await read(lines, tokenizer, { heldOutFraction: 0.3 });
  const prompts = (side: typeof train) =>
    new Set(side.map(({ ids, learnFrom }) => textOf(Array.from(ids).slice(0, learnFrom))));
  expect(train.length + heldOut.length).toBe(80);
  expect(heldOut.length).toBeGreaterThan(8);
  expect([...prompts(heldOut)].some((prompt) => prompts(train).has(prompt))).toBe(false);
});

test("what an assistant wrote may hold control tokens; what others wrote is text", async () => {
  const { train } = await read([
    {
      messages: [
        { role: "user", content: "a<e>" },
        { role: "assistant", content: "b<e>c" },
      ],
    },
  ]);
  const [{ ids }] = train;
  expect(textOf(ids)).toBe("<b>User: a<e>\nAssistant: b<e>c\n<e>");
  expect(Array.from(ids).filter((id) => id === tokenizer.eosId)).toHaveLength(2);
});

const conversation = [
  { role: "user", content: "hi" },
  { role: "assistant", content: "yo" },
];
describe("a conversation", () => {
  test("without a template becomes role lines, the last answer to be learnt", async () => {
    const [{ ids, learnFrom }] = (await read([{ messages: conversation }])).train;
    expect(textOf(Array.from(ids).slice(0, learnFrom))).toBe("<b>User: hi\nAssistant: ");
    expect(textOf(Array.from(ids).slice(learnFrom))).toBe("yo\n<e>");
  });
  test("follows the tokenizer's own template, whose end token is not doubled", async () => {
    const template =
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% " +
      "endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
    const chatty = createTokenizer(tokenizer.toJSON(), { bos_token: "<b>", eos_token: "<e>", chat_template: template });
    const [{ ids, learnFrom }] = (await read([{ messages: conversation }], chatty)).train;
    expect(textOf(Array.from(ids).slice(0, learnFrom), chatty)).toBe("<b>[user]hi[assistant]");
    expect(textOf(Array.from(ids).slice(learnFrom), chatty)).toBe("yo<e>");
  });
});

test.each([
  ["broken JSON", '{"prompt":', /pairs\.jsonl:2: not valid JSON/],
  [
    "a missing completion",
    { prompt: "x", reply: "y" },
    /pairs\.jsonl:2: expected messages, or prompt and completion, or text.*prompt, reply/,
  ],
  [
    "a conversation that ends with the user",
    { messages: conversation.slice(0, 1) },
    /pairs\.jsonl:2: messages must end with a turn of role "assistant", got "user"/,
  ],
  [
    "a turn without a role",
    { messages: [{ content: "x" }] },
    /pairs\.jsonl:2: column "messages": every message needs a role/,
  ],
  [
    "more than the context",
    { prompt: "x".repeat(50), completion: "y" },
    /pairs\.jsonl:2: prompt and completion have 53 tokens, but the model's context is 40/,
  ],
  ["a text beyond the context", { text: "x".repeat(50) }, /pairs\.jsonl:2: the text has 52 tokens, but the model's/],
])("%s is an error that names the line", async (_, line, message) => {
  await expect(read([{ prompt: "a", completion: "b" }, line])).rejects.toThrow(message);
});

test("a text is learnt from its first token on, and columns may have other names", async () => {
  const [{ ids, learnFrom }] = (await read([{ text: "abc" }])).train;
  expect([textOf(ids), learnFrom]).toEqual(["<b>abc<e>", undefined]);
  const [pair] = (
    await read([{ text: "abc", q: "x", a: "y" }], tokenizer, { promptColumn: "q", completionColumn: "a" })
  ).train;
  expect(textOf(pair.ids)).toBe("<b>xy<e>");
});

test("tokens that were kept are the same as those that were not, and change with the columns", async () => {
  const notes: string[] = [];
  const kept = { folder: join(folder, "tokens"), keptFromBytes: 0, note: (line: string) => notes.push(line) };
  const lines = Array.from({ length: 50 }, (_, i) => ({ prompt: `q${i}`, completion: `${i}`, other: `${-i}` }));
  const memory = await read(lines, tokenizer, { heldOutFraction: 0.3 });
  const files = await read(lines, tokenizer, { ...kept, heldOutFraction: 0.3 });
  expect(files).toEqual(memory);
  expect(await read(lines, tokenizer, { ...kept, heldOutFraction: 0.3 })).toEqual(memory);
  expect(await read(lines, tokenizer, { ...kept, completionColumn: "other" })).not.toEqual(memory);
  const short = notes.map((note) => note.replace(kept.folder, "").replace(/[0-9a-f]{32}/, "…"));
  expect(short).toEqual([
    "tokens kept in /… for the next run",
    "tokens taken from /…",
    "tokens kept in /… for the next run",
  ]);
});

test("tokens that cannot be kept are an error that says what to do, and a bad row leaves none", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const lines = [{ prompt: "a", completion: "b" }];
  await expect(read(lines, tokenizer, { folder: join(file, "tokens"), keptFromBytes: 0 })).rejects.toThrow(
    /cannot write the tokens to .*file\/tokens\/[0-9a-f]{32} \(ENOTDIR\); free some space, or set XDG_CACHE_HOME/,
  );
  const kept = join(folder, "unfinished");
  await expect(read([...lines, { prompt: "a" }], tokenizer, { folder: kept, keptFromBytes: 0 })).rejects.toThrow(
    /:2: /,
  );
  expect(readdirSync(kept)).toEqual([]);
});
