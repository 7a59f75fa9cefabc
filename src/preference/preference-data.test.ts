// Claims about rows of preferences: pairs and labels are tokenised as in fine-tuning, those of one prompt stay on one
// side, and whatever is wrong with a row is one line that names it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { answerLength, readPairs, readPreferences } from "./preference-data.js";
import { tinyPairs, tokenizer, writeRows } from "./tiny-preferences.fixture.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-preferences-"));
afterAll(() => rmSync(folder, { recursive: true }));

const options = { heldOutFraction: 0, maxTokens: 32 };
const read = (rows: readonly object[], name = "rows.jsonl", more: Partial<typeof options> = {}) =>
  readPreferences([writeRows(folder, name, rows)], tokenizer, { ...options, ...more });
const text = (ids: ArrayLike<number>) => tokenizer.decode(Array.from(ids));
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

it("reads pairs of texts behind their prompt, with an end token", async () => {
  const { train, form } = await read([{ prompt: "1+1=", chosen: "2", rejected: "33" }]);
  const [row] = train;
  if ("answer" in row) throw new Error("expected a pair");
  expect(form).toBe("text");
  expect([text(row.chosen.ids), text(row.rejected.ids)]).toEqual(["<bos>1+1=2<eos>", "<bos>1+1=33<eos>"]);
  expect([answerLength(row.chosen), answerLength(row.rejected)]).toEqual([2, 3]);
});

it("reads conversations, also without a prompt of their own, and labelled answers", async () => {
  const chosen = [user("1"), assistant("A")];
  const { train, form } = await read([
    { chosen, rejected: [user("1"), assistant("Q")] },
    { prompt: [user("2")], completion: [assistant("A")], label: true },
    { prompt: [user("3")], response: [assistant("Q")], safe: 0 },
  ]);
  expect(form).toBe("messages");
  expect(train.map((row) => ("answer" in row ? row.label : "pair"))).toEqual(["pair", true, false]);
  const [pair] = train;
  expect("answer" in pair || text(pair.chosen.ids)).toBe("<bos>User: 1\nAssistant: A\n<eos>");
});

it("keeps the rows of one prompt on one side", async () => {
  const pairs = tinyPairs(60).flatMap((row) => [row, { ...row, chosen: "AAAAAAA" }]);
  const { train, heldout } = await read(pairs, "sides.jsonl", { heldOutFraction: 0.3 });
  const promptsOf = (rows: typeof train) =>
    new Set(rows.map((row) => ("answer" in row ? "" : text(row.chosen.ids.valueOf() as Int32Array).split("=")[0])));
  expect(heldout.length).toBeGreaterThan(10);
  expect([...promptsOf(heldout)].filter((prompt) => promptsOf(train).has(prompt))).toEqual([]);
});

describe("what is wrong with a row is told in one line", () => {
  const good = { prompt: "1=", chosen: "A", rejected: "Q" };
  const cases: [string, object, string][] = [
    [
      "equal answers",
      { ...good, rejected: "A" },
      "2: chosen and rejected are equal, so there is nothing to prefer; remove the row",
    ],
    [
      "no rejected answer",
      { prompt: "1=", chosen: "A" },
      '2: expected a column "rejected"; the row has: prompt, chosen',
    ],
    ["no prompt", { chosen: "A", rejected: "Q" }, '2: expected a column "prompt", since chosen and rejected are texts'],
    ["an empty answer", { ...good, chosen: " " }, '2: column "chosen" must be a text or a number, got an empty text'],
    [
      "an empty message",
      { prompt: [user("1")], chosen: [assistant("")], rejected: [assistant("Q")] },
      "2: expected the prompt to be a text, as in the rows before, got messages",
    ],
    [
      "text and messages",
      { prompt: "1", chosen: [assistant("A")], rejected: [assistant("Q")] },
      "2: expected prompt and answers to be both texts or both messages",
    ],
    [
      "an answer without a label",
      { prompt: "1=", completion: "A" },
      '2: expected a column "label" or "safe"; the row has: prompt, completion',
    ],
    [
      "a label that is none",
      { prompt: "1=", completion: "A", label: "maybe" },
      '2: column "label" must be true or false, or 1 or 0, got "maybe"',
    ],
    [
      "a row that is too long",
      { ...good, chosen: "A".repeat(40) },
      "2: prompt and chosen have 44 tokens, but the model's context is 32; shorten or remove the row",
    ],
  ];
  it.each(cases)("%s", async (_, row, message) => {
    const problem = await read([good, row]).then(
      () => "nothing",
      (error: Error) => error.message,
    );
    expect(problem.slice(folder.length + 1)).toContain(`rows.jsonl:${message}`);
    expect(problem).not.toContain("\n");
  });

  it("an empty message in the first row", async () => {
    const row = { prompt: [user("1")], chosen: [assistant(" ")], rejected: [assistant("Q")] };
    await expect(read([row])).rejects.toThrow("rows.jsonl:1: the answer is empty; expected a message with some text");
  });

  it("a label where pairs are needed, and nothing left to train on", async () => {
    const path = writeRows(folder, "labels.jsonl", [{ prompt: "1=", completion: "A", label: 1 }]);
    await expect(readPairs([path], tokenizer, options)).rejects.toThrow(
      'labels.jsonl:1: expected columns "chosen" and "rejected"; the row has: prompt, completion, label',
    );
    await expect(read([good], "one.jsonl", { heldOutFraction: 0.9999 })).rejects.toThrow(
      "no rows are left to train on; add rows or lower validationFraction",
    );
  });
});
