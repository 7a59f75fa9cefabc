// Every prompt of a task is looked at before anything is sampled, and what will not do is told by its line.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAllRows } from "../data/rows.js";
import { ConfigError, DataError } from "../errors.js";
import { createDataTask } from "../tasks/data-task.js";
import { createTask } from "../tasks/registry.js";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { longestPrompt, problemsToCheck } from "./prompt-check.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-prompts-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Three hundred short rows, and one more as line 301. */
async function taskWith(prompt: string) {
  const path = join(folder, "task.jsonl");
  const rows = [...Array.from({ length: 300 }, (_, i) => `${i}+1`), prompt].map((each) =>
    JSON.stringify({ prompt: each, answer: "1" }),
  );
  writeFileSync(path, rows.join("\n"));
  return createDataTask(await readAllRows([path]));
}
const room = { context: 64, newTokens: 32, option: "rl.maxCompletionLength=" };
const bytes = createByteTokenizer({ bos: "<bos>" });
const digits = createCharTokenizer("0123456789+", { bos: "<bos>" });
const check = async (prompt: string, tokenizer = bytes) => {
  const task = await taskWith(prompt);
  return longestPrompt(problemsToCheck(task, 0), { task, tokenizer, template: "plain" }, room);
};

test("the longest of all rows is found, wherever it stands", async () => {
  expect(await check("1".repeat(31))).toBe(32);
});

test.each([
  [
    "leaves no room for a completion",
    () => check("1".repeat(40)),
    /task\.jsonl:301: the prompt has 41 tokens and the completion up to 32, together 73, but the model's context is 64; shorten or remove the line, or set rl\.maxCompletionLength=23 or less/,
  ],
  [
    "has characters that the tokenizer does not know",
    () => check("1 plus 1", digits),
    /task\.jsonl:301: character " " at position 1/,
  ],
  ["has no token", () => check("ab", { ...nothing, bosId: undefined }), /task\.jsonl:\d+: the prompt has no token/],
])("a row that %s is named by its line", async (_, run, message) => {
  await expect(run()).rejects.toThrow(DataError);
  await expect(run()).rejects.toThrow(message);
});

test("a generated problem is named by what it asks", () => {
  const task = createTask("arithmetic");
  const run = () =>
    longestPrompt(problemsToCheck(task, 0), { task, tokenizer: bytes, template: "plain" }, { ...room, newTokens: 64 });
  expect(run).toThrow(ConfigError);
  expect(run).toThrow(
    /task arithmetic, problem ".*": the prompt has \d+ tokens .* use a shorter template or a model with a longer context/,
  );
});

/** As a tokenizer that drops what it does not know. */
const nothing = Object.assign(Object.create(bytes), { encode: () => new Int32Array(0) });
