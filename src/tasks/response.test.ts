// The grammar of responses at every way a text can be cut into pieces, in both forms.
import { describe, expect, test } from "vitest";
import { finalAnswer, plainAnswer } from "./grading/final-answer.js";
import {
  opensThought,
  type ParsedResponse,
  parseResponse,
  type ReadingOptions,
  ResponseParser,
  type ResponsePiece,
  ResponseRecord,
} from "./response.js";

const everyCut = (text: string) => [
  ...Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]),
  [...text],
];

function readPieces(
  texts: readonly string[],
  options: ReadingOptions,
): { response: ParsedResponse; pieces: ResponsePiece[]; isInside: boolean } {
  const parser = new ResponseParser(options);
  const record = new ResponseRecord(options);
  const pieces = [...texts.flatMap((text) => parser.push(text)), ...parser.end()];
  record.add(pieces);
  return { response: record.read(), pieces, isInside: parser.isInside };
}
/** What a response holds, the same however its text is cut. */
function read(text: string, options: ReadingOptions = {}): { think: string | null; reply: string } {
  const whole = readPieces([text], options);
  for (const texts of everyCut(text)) {
    const cut = readPieces(texts, options);
    expect(cut.response).toEqual(whole.response);
    expect(cut.isInside).toBe(whole.isInside);
    expect(cut.pieces.map((piece) => piece.text).join("")).toBe(text);
  }
  const { think, reply } = whole.response;
  return { think, reply };
}

describe("in a chat", () => {
  test.each<[string, string, ReadingOptions, object]>([
    [
      "a thought stands first and closes once",
      "\n<think>a<b</think>c <think>d</think>",
      {},
      { think: "a<b", reply: "c <think>d</think>" },
    ],
    [
      "a thought that the prompt opened needs no tag",
      "so</think>4</think>",
      { startsInside: true },
      { think: "so", reply: "4</think>" },
    ],
    [
      "the prompt's own tag said again is no thought",
      "\n<think>so</think>4",
      { startsInside: true },
      { think: "\nso", reply: "4" },
    ],
    [
      "a reply with nothing but a closing tag was thought up to it",
      "so so</think>4",
      {},
      { think: "so so", reply: "4" },
    ],
    ["so it was when nothing came before", "\n</think>4", {}, { think: "", reply: "4" }],
    [
      "an opening tag after the first words is text, and what closes it too",
      "use <think> and </think>",
      {},
      { think: null, reply: "use <think> and </think>" },
    ],
    ["what only began as a tag is text", "<thing> <thi", {}, { think: null, reply: "<thing> <thi" }],
    ["an unclosed thought is all thought", "hm</thi", { startsInside: true }, { think: "hm</thi", reply: "" }],
    [
      "the answer's tags are text",
      "<think>a</think>use <answer>x</answer>!",
      {},
      { think: "a", reply: "use <answer>x</answer>!" },
    ],
    ["nothing holds nothing", "", {}, { think: null, reply: "" }],
  ])("%s", (_, text, options, expected) => expect(read(text, options)).toEqual(expected));

  test("a closing tag that nothing opened recasts what was told", () => {
    const { pieces } = readPieces(["so ", "so", "</think>", "4"], {});
    expect(pieces).toEqual([
      { part: "answer", text: "so " },
      { part: "answer", text: "so" },
      { part: "tag", text: "</think>", recasts: true },
      { part: "answer", text: "4" },
    ]);
  });
  test("what cannot become a tag is told at once; what still can is held back", () => {
    const parser = new ResponseParser();
    expect(parser.push("1<2 and <thi")).toEqual([{ part: "answer", text: "1<2 and " }]);
    expect(parser.push("s")).toEqual([{ part: "answer", text: "<this" }]);
  });
  test("it is well formed with a closed thought and an answer to grade", () => {
    const isWellFormed = (text: string) => parseResponse(text, { form: "chat", startsInside: true }).wellFormed;
    expect(["a</think>so \\boxed{4}", "a</think>so 4", "a \\boxed{4}"].map(isWellFormed)).toEqual([true, false, false]);
  });
});

describe("with answer tags", () => {
  const tagged = { form: "tagged" } as const;
  test("every tag is one wherever it stands, and the answer is what the last closed pair holds", () => {
    expect(read("so <think>a</think>\n<answer>b</answer> <answer>c</answer>!", tagged)).toEqual({
      think: "a",
      reply: "c",
    });
    expect(read("<think>a<answer>c</answer>", tagged)).toEqual({ think: "a", reply: "c" });
    expect(read("a</think><answer>c</answer>", tagged)).toEqual({ think: "a", reply: "c" });
    expect(read("<think>a</think>no tags", tagged)).toEqual({ think: "a", reply: "no tags" });
  });
  test("tags are listed in order, one that the prompt opened with first", () => {
    expect(parseResponse("a</think><answer>c", { startsInside: true }).tags).toEqual([
      "<think>",
      "</think>",
      "<answer>",
    ]);
  });
  test("without a closed pair the last box outside the thought is graded", () => {
    expect(parseResponse("<think>\\boxed{1}</think>It is \\boxed{2}.").answer).toBe("2");
    expect(parseResponse("<think>\\boxed{1}").answer).toBeNull();
  });
});

test("the answer of a text stands in its last tags, else in a box, which ends where its braces balance", () => {
  expect(finalAnswer("\\boxed{1}. No: \\boxed{\\frac{1}{2}}")).toBe("\\frac{1}{2}");
  expect(finalAnswer("\\boxed{1} or \\boxed{\\frac{1}{2}}")).toBe("1, \\frac{1}{2}");
  expect(finalAnswer("\\boxed{\\{1, 2\\}} \\boxed{cut off")).toBe("\\{1, 2\\}");
  expect(finalAnswer("none")).toBeNull();
  expect(finalAnswer("<answer>a</answer> \\boxed{b} <answer>c</answer>")).toBe("c");
});
test("a plain reply answers with its last number, or with all it says where it has none", () => {
  expect(["3 * 8 = 24 plants.", "It is 5-3", "It is -3.", "$1,234.50!", "2,3"].map(plainAnswer)).toEqual([
    ...["24", "3", "-3", "1,234.50", "3"],
  ]);
  expect([plainAnswer(" Paris\n"), plainAnswer(" ")]).toEqual(["Paris", null]);
  const read = (text: string) => parseResponse(text, { form: "unmarked" }).answer;
  expect(["a \\boxed{4}, not 5", "<think>7</think>so 8", "<think>9"].map(read)).toEqual(["4", "8", null]);
});
test("a prompt opens the thought when it ends in the tag", () => {
  expect(opensThought("<｜Assistant｜><think>\n")).toBe(true);
  expect(opensThought("<think> is a tag")).toBe(false);
});
