// What columns mean: the names that data sets have, names that a person says, and every row that has neither refused.
import { describe, expect, test } from "vitest";
import { documentOf, exampleOf, preferenceOf, questionOf } from "./columns.js";

const at = (row: Record<string, unknown>) => ({ row, where: "d.csv:7" });
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

describe("examples", () => {
  test("are messages, prompt and completion, question and answer, or a text", () => {
    const talk = [user("a"), assistant("b")];
    expect(exampleOf(at({ messages: talk, id: 1 }))).toEqual({ kind: "conversation", messages: talk });
    expect(exampleOf(at({ messages: JSON.stringify(talk) }))).toEqual({ kind: "conversation", messages: talk });
    expect(exampleOf(at({ prompt: [user("a")], completion: [assistant("b")] }))).toEqual({
      kind: "conversation",
      messages: talk,
    });
    expect(exampleOf(at({ prompt: "a", completion: "b" }))).toEqual({ kind: "pair", prompt: "a", completion: "b" });
    expect(exampleOf(at({ question: "a", answer: 5 }))).toEqual({ kind: "pair", prompt: "a", completion: "5" });
    expect(exampleOf(at({ messages: null, prompt: null, text: "t" }))).toEqual({ kind: "text", text: "t" });
  });

  test("are in the columns that a person names", () => {
    const row = at({ text: "t", in: "a", out: "b", prompt: "p", talk: [user("x")] });
    expect(exampleOf(row, { promptColumn: "in", completionColumn: "out" })).toMatchObject({
      prompt: "a",
      completion: "b",
    });
    expect(exampleOf(row, { messagesColumn: "talk" })).toMatchObject({ messages: [user("x")] });
    expect(exampleOf(row, { textColumn: "text" })).toEqual({ kind: "text", text: "t" });
    expect(() => exampleOf(row, { messagesColumn: "chat" })).toThrow(
      'd.csv:7: expected a column "chat"; the row has: text, in, out, prompt, talk',
    );
  });

  test.each<[Record<string, unknown>, string]>([
    [
      { prompt: "a", id: null },
      "expected messages, or prompt and completion, or text; the row has: prompt, id (empty)",
    ],
    [{}, "the row has: no columns"],
    [{ prompt: "a", completion: "" }, 'column "completion" must be a text or a number, got an empty text'],
    [{ prompt: {}, completion: "b" }, 'column "prompt" must be a text or a number, got an object: {}'],
    [{ prompt: "a", completion: [assistant("b")] }, "to be both texts or both messages, got a string and a list"],
    [{ messages: 5 }, 'column "messages" must be a list of messages, got a number: 5'],
    [{ messages: [] }, 'column "messages" must be a list of messages, got an empty one'],
    [{ messages: "[{'role'" }, 'column "messages" must be a list of messages, got the text "[{\'role\'"'],
    [
      { messages: [{ role: "user", content: 1 }] },
      'column "messages": every message needs a role and a content, both texts',
    ],
    [{ text: 0.5, messages: [null] }, "every message needs a role and a content, both texts, got null"],
  ])("of %j are refused by row and column", (row, message) => {
    expect(() => exampleOf(at(row))).toThrow(`d.csv:7: `);
    expect(() => exampleOf(at(row))).toThrow(message);
  });
});

test("documents are texts in the column of that name", () => {
  expect(documentOf(at({ text: "t" }))).toBe("t");
  expect(documentOf(at({ body: "t" }), { textColumn: "body" })).toBe("t");
  expect(() => documentOf(at({ body: "t" }))).toThrow('expected a column "text" with text; the row has: body');
  expect(() => documentOf(at({ text: ["t"] }))).toThrow('column "text" must be a text or a number, got a list: ["t"]');
});

test("questions have an answer: GSM8K's behind its mark, a prompt of one user's message as its text", () => {
  expect(questionOf(at({ question: "q", answer: "1 + 1 = 2\n#### 1,002 \n" }))).toEqual({
    question: "q",
    answer: "1,002",
  });
  expect(questionOf(at({ prompt: [user("q")], answer: 7 }))).toEqual({ question: "q", answer: "7" });
  expect(questionOf(at({ p: "q", a: "#### 7" }), { promptColumn: "p", answerColumn: "a" }).answer).toBe("#### 7");
  expect(() => questionOf(at({ prompt: "q" }))).toThrow(
    'expected a column "answer" with the answer; the row has: prompt',
  );
  expect(questionOf(at({ prompt: "q" }), { withoutAnswer: true })).toEqual({ question: "q", answer: null });
  expect(() => questionOf(at({ prompt: "q" }), { withoutAnswer: true, answerColumn: "gold" })).toThrow('"gold"');
  expect(() => questionOf(at({ answer: "a" }))).toThrow('expected a column "prompt" or "question" with the question');
  expect(() => questionOf(at({ prompt: [user("q"), assistant("a"), user("r")], answer: 1 }))).toThrow(
    "a list with one user's message, got 3 messages (user, assistant, user)",
  );
});

describe("preferences", () => {
  test("have a prompt of their own, or the beginning that both conversations share", () => {
    expect(preferenceOf(at({ prompt: "p", chosen: "a", rejected: "b" }))).toEqual({
      prompt: "p",
      chosen: "a",
      rejected: "b",
    });
    const conversation = (answer: string) => [user("p"), assistant(answer)];
    expect(preferenceOf(at({ chosen: conversation("a"), rejected: conversation("b") }))).toEqual({
      prompt: [user("p")],
      chosen: [assistant("a")],
      rejected: [assistant("b")],
    });
  });

  test.each<[Record<string, unknown>, string]>([
    [{ prompt: "p", chosen: "a" }, 'expected a column "rejected"; the row has: prompt, chosen'],
    [{ prompt: "p", chosen: "a", rejected: "a" }, "chosen and rejected are equal, so there is nothing to prefer"],
    [{ chosen: "a", rejected: "b" }, 'expected a column "prompt", since chosen and rejected are texts'],
    [{ prompt: "p", chosen: "a", rejected: [user("b")] }, "expected chosen and rejected to be both texts or both"],
    [{ chosen: [user("a")], rejected: [user("b")] }, "chosen and rejected share no first message"],
  ])("of %j are refused", (row, message) => {
    expect(() => preferenceOf(at(row))).toThrow(message);
  });
});
