// Claims about IFEval: each instruction is checked as the published code checks it (tests/golden/ifeval.json, by
// ifeval_vectors.py), and replies count strictly and loosely, by prompts and by instructions.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DataError } from "../../errors.js";
import { gradeAnswers } from "../grade-answers.js";
import { ifeval } from "./ifeval.js";
import { INSTRUCTIONS } from "./instructions.js";
import { suiteTask } from "./suite.js";

interface Golden {
  readonly texts: readonly string[];
  readonly cases: readonly { readonly id: string; readonly kwargs: object; readonly followed: readonly number[] }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../../tests/golden/ifeval.json", import.meta.url), "utf8"),
) as Golden;
const taskOf = (ids: readonly string[], kwargs: readonly object[], prompt = "Write.") =>
  suiteTask(ifeval, [{ row: { key: 1, prompt, instruction_id_list: ids, kwargs }, where: "rows.jsonl:1" }]);

async function graded(ids: readonly string[], kwargs: readonly object[], reply: string) {
  const task = taskOf(ids, kwargs);
  const problem = task.generate(0, 0, "heldout");
  const [grade] = await gradeAnswers(task, [{ problem, answer: task.answerIn?.(problem, reply) ?? null }]);
  return grade;
}

describe("instructions", () => {
  it.each(golden.cases)("$id $kwargs is followed by the texts that the published code says", async (each) => {
    const followed: number[] = [];
    for (const [i, text] of golden.texts.entries())
      if ((await graded([each.id], [each.kwargs], text)).score === 1) followed.push(i);
    expect(followed).toEqual(each.followed);
  });

  it("are the 25 of the public data set", () => {
    expect(Object.keys(INSTRUCTIONS)).toHaveLength(25);
    expect(new Set(golden.cases.map(({ id }) => id)).size).toBe(25 - 5); // those that rest on langdetect and nltk
  });

  it.each([
    ["One. Two! Three? Four", 4],
    ["Mr. Smith met Dr. Jones at 5 p.m. yesterday.", 1],
    ["1. Buy milk\n2. Sell it", 1],
    ['He said "Stop!" She did.', 2],
    ["No end", 1],
    ["", 0],
  ])("count sentences: %j has %i", async (text, count) => {
    const atLeast = async (n: number) =>
      (await graded(["length_constraints:number_sentences"], [{ num_sentences: n, relation: "at least" }], text)).score;
    expect([await atLeast(count), await atLeast(count + 1)]).toEqual([count === 0 ? 0 : 1, 0]);
  });

  it.each([
    ["en", "The weather is nice today and we will all go out for a long walk by the river.", 1],
    ["de", "Das Wetter ist heute schön, und wir gehen alle zusammen am Fluss spazieren.", 1],
    ["en", "Das Wetter ist heute schön, und wir gehen alle zusammen am Fluss spazieren.", 0],
    ["hi", "आज मौसम अच्छा है और हम सब नदी के किनारे टहलने जाएंगे।", 1],
    ["sw", "Hali ya hewa ni nzuri leo na sote tutaenda kutembea kando ya mto mkubwa.", 1],
    ["ne", "आज मौसम राम्रो छ र हामी सबै नदीको किनारमा हिँड्न जानेछौं।", 1],
  ])("tell languages: %s %#", async (language, text, score) => {
    expect((await graded(["language:response_language"], [{ language }], text)).score).toBe(score);
  });

  it("tell capitals and small letters", async () => {
    const shout = "THE WEATHER IS NICE TODAY AND WE WILL ALL GO OUT FOR A LONG WALK BY THE RIVER.";
    const of = async (id: string, text: string) => (await graded([id], [{}], text)).score;
    expect(await of("change_case:english_capital", shout)).toBe(1);
    expect(await of("change_case:english_capital", `${shout} No.`)).toBe(0);
    expect(await of("change_case:english_lowercase", shout.toLowerCase())).toBe(1);
    expect(await of("change_case:english_lowercase", shout)).toBe(0);
    const capitals = [{ capital_frequency: 3, capital_relation: "at least" }];
    const words = "NASA and WELL-KNOWN things, I think";
    expect((await graded(["change_case:capital_word_frequency"], capitals, words)).score).toBe(1);
    expect((await graded(["change_case:capital_word_frequency"], capitals, "NASA and I")).score).toBe(0);
  });
});

describe("a reply", () => {
  const ids = ["punctuation:no_comma", "detectable_format:json_format"];

  it("counts for prompts and instructions, strictly as it stands and loosely without its first line", async () => {
    const { score, decidedBy, shares } = await graded(ids, [{}, {}], 'Here it is:\n{"a": 1}');
    expect([score, decidedBy]).toEqual([0, "instructions"]);
    expect(shares).toEqual({
      "prompts, strict": { number: 0, of: 1 },
      "prompts, loose": { number: 1, of: 1 },
      "instructions, strict": { number: 1, of: 2 },
      "instructions, loose": { number: 2, of: 2 },
    });
  });

  it.each(['Here:\n{"a": 1}\nDone.', '{"a": 1}\nDone.', '*{"a": 1}*', "**Here:**\n*{}*\n**Done.**"])(
    "follows loosely without its ends or asterisks: %j",
    async (reply) => {
      const { shares } = await graded(ids, [{}, {}], reply);
      expect([shares?.["instructions, strict"].number, shares?.["instructions, loose"].number]).toEqual([1, 2]);
    },
  );

  it("that is empty, as where the thought was cut off, follows nothing", async () => {
    expect((await graded(ids, [{}, {}], "")).shares?.["instructions, loose"]).toEqual({ number: 0, of: 2 });
  });

  it("is the whole reply, and nothing else is asked for", () => {
    const task = taskOf(ids, [{}, {}]);
    expect([task.instruction, task.hasVerifier?.(task.generate(0, 0, "heldout"))]).toEqual(["", true]);
  });
});

describe("rows", () => {
  it("with an instruction that is not supported are refused by its name", () => {
    expect(() => taskOf(["detectable_format:rhyme"], [{}])).toThrow(DataError);
    expect(() => taskOf(["detectable_format:rhyme"], [{}])).toThrow(
      /^rows\.jsonl:1: instruction "detectable_format:rhyme" is not supported; supported are keywords:existence, /,
    );
  });

  it("without an argument, or with too few, are refused by its name", () => {
    expect(() => taskOf(["keywords:existence"], [{ keywords: null }])).toThrow(
      'rows.jsonl:1: instruction "keywords:existence" needs the argument keywords in kwargs',
    );
    expect(() => taskOf(["punctuation:no_comma"], [])).toThrow(/as many kwargs as instructions, got 0 and 1/);
  });
});
