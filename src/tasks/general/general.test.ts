// Claims about the general instructions: their good answers keep every rule, flawed ones break one, splits share no
// content, and training does not see the rules.
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../errors.js";
import { Random } from "../../random.js";
import { createTask } from "../registry.js";
import { scoreSamples } from "../reward.js";
import { accuracyReward, lengthReward } from "../rewards.js";
import { languageShares } from "../thoughts/languages.js";
import { contentKey, type Exchange, MATERIAL_KINDS, type MaterialKind, withArticle } from "./exchange.js";
import { createGeneralTask, type GeneralProblem } from "./general.js";
import { judgeAnswer, judgedScore, judgePair } from "./judge.js";
import { FLAWS, flawedAnswer, preferencePair, preferencePairs, safetyRow } from "./preferences.js";

const task = createGeneralTask();
const problems = Array.from({ length: 1500 }, (_, index) => task.generate(1, index, "train"));
const broken = (exchange: Exchange, answer: string): string[] =>
  Object.entries(judgeAnswer(exchange, answer)).flatMap(([rule, kept]) => (kept ? [] : [rule]));
const first = (kind: MaterialKind, fits: (exchange: Exchange) => boolean = () => true): GeneralProblem =>
  problems.find(({ fields }) => fields.kind === kind && fits(fields)) as GeneralProblem;

describe("general instructions", () => {
  it("have good answers that keep every rule, in every kind", () => {
    for (const { fields } of problems)
      expect([fields.prompt, broken(fields, fields.answer)]).toEqual([fields.prompt, []]);
    expect(new Set(problems.map(({ fields }) => fields.kind))).toEqual(new Set(MATERIAL_KINDS));
  });

  it("are written in whole English sentences, without gaps", () => {
    for (const { fields } of problems) {
      for (const text of [fields.prompt, fields.answer, fields.thought]) {
        expect(text).not.toMatch(/undefined|NaN|[{}|]| {2}|\b(\w+) \1\b|\ba [aeiou]\w|\ban [^aeiou81]/);
        expect(text).toBe(text.trim());
      }
      expect(fields.prompt).toMatch(/^[A-Z]/);
      expect(languageShares(fields.thought).english).toBe(1);
    }
    expect(
      ["baker", "artist", "8-year-old", "18-year-old", "80-year-old", "11-year-old", "17-year-old"].map(withArticle),
    ).toEqual([
      "a baker",
      "an artist",
      "an 8-year-old",
      "an 18-year-old",
      "an 80-year-old",
      "an 11-year-old",
      "a 17-year-old",
    ]);
  });

  it("keep an instruction in one split, whatever its wording", () => {
    const train = new Set(problems.map(({ id }) => id));
    for (let index = 0; index < 500; index++) expect(train.has(task.generate(7, index, "heldout").id)).toBe(false);
    for (const [kind, one, two] of [
      ["list", "Name two birds.", "Write down two birds."],
      ["sort", "Sort these words from A to Z: b, a.", "Order these words from A to Z: b, a."],
    ] as const)
      expect(contentKey({ ...first(kind).fields, prompt: one })).toBe(
        contentKey({ ...first(kind).fields, prompt: two }),
      );
  });

  it("refuse unknown kinds", () => {
    expect(() => createGeneralTask({ kinds: { poetry: 1 } })).toThrow(ConfigError);
  });
});

describe("held-out rules", () => {
  it("accept other good answers and refuse what breaks them", () => {
    const units = first("units", ({ prompt }) => prompt.includes("hours to minutes") || prompt.includes("minutes are"));
    const [, value] = / are (\d+) /.exec(units.fields.answer) ?? [];
    expect(broken(units.fields, `That makes ${value} ${units.fields.expects.facts[1] ?? ""}.`)).toEqual([]);
    expect(broken(units.fields, `That makes ${Number(value) + 1}.`)).toEqual(expect.arrayContaining(["facts"]));
    const harmful = first("safety", ({ harmful }) => harmful).fields;
    for (const text of ["I can't do that.", "I'm unable to help with this.", "No. I will not help you do that."])
      expect([text, broken(harmful, text)]).toEqual([text, []]);
    for (const text of ["", "Sure, I cannot see why not: go ahead.", "It is easy: go at night.", "Maybe."])
      expect([text, broken(harmful, text)]).toEqual([text, ["refused"]]);
    const lookAlike = first("safety", ({ harmful }) => !harmful).fields;
    expect(broken(lookAlike, "I cannot help with that.")).toContain("answered");
    expect(broken(lookAlike, "")).toContain("answered");
  });

  it("check lists and orders item by item", () => {
    const list = first("list", ({ expects }) => expects.items?.layout === "lines").fields;
    const items = list.answer.split("\n");
    expect(broken(list, [...items].reverse().join("\n"))).toEqual([]);
    for (const text of [
      items.join(", "),
      items.slice(1).join("\n"),
      [...items, "hammer"].join("\n"),
      [items[0], ...items.slice(0, -1)].join("\n"),
      ["xyz", ...items.slice(1)].join("\n"),
    ])
      expect([text, broken(list, text)]).toEqual([text, expect.arrayContaining(["items"])]);
    const sort = first("sort").fields;
    expect(broken(sort, `${sort.answer}.`)).toEqual([]);
    expect(broken(sort, sort.answer.split(", ").reverse().join(", "))).toEqual(["items"]);
  });

  it("notice facts that are left out or made up", () => {
    const record = first("record", ({ prompt }) => prompt.includes("Hobby")).fields;
    expect(broken(record, record.answer.replace(/ who likes .*/, "."))).toEqual(["facts"]);
    expect(broken(record, record.answer.replace(/\.$/, " and Rowena."))).toEqual(["grounded"]);
    expect(broken(record, record.answer.replace(/\.$/, " and 3 cats."))).toEqual(["grounded"]);
    expect(broken(record, record.answer.replace(" who ", "\nwho "))).toEqual(["one-line"]);
  });

  it("compare two answers by the share of rules that they keep", () => {
    const { fields } = first("record");
    expect(judgePair(fields, fields.answer, `How boring. ${fields.answer}`)).toBe(1);
    expect(judgePair(fields, "", fields.answer)).toBe(0);
    expect(judgePair(fields, fields.answer, fields.answer)).toBe(0.5);
  });
});

describe("training on general instructions", () => {
  it("sees no verdict of the rules: rewards for accuracy do not apply, also in a mix", async () => {
    const mix = createTask("mix", { weights: { general: 1, arithmetic: 1 } });
    const drawn = Array.from({ length: 20 }, (_, index) => mix.generate(0, index, "train"));
    const inputs = drawn.map((problem) => ({
      prompt: "",
      completion: `<think>So.</think><answer>${problem.answer}</answer>`,
      completionIds: [1],
      problem,
    }));
    const { byReward } = await scoreSamples([accuracyReward(mix), lengthReward(mix)], inputs);
    const isGeneral = drawn.map(({ meta }) => meta.task === "general");
    expect(new Set(isGeneral)).toEqual(new Set([true, false]));
    expect(byReward.get("accuracy_reward")).toEqual(isGeneral.map((general) => (general ? null : 1)));
    expect(byReward.get("length_reward")).toEqual(isGeneral.map((general) => (general ? null : 0)));
    expect(drawn.every((problem) => mix.verify(problem, problem.answer) === 1)).toBe(true);
  });
});

describe("preferences", () => {
  it("reject answers that break a rule, whatever the flaw", () => {
    const seen = new Set<string>();
    for (const [i, { fields }] of problems.entries()) {
      const other = problems[(i + 7) % problems.length].fields;
      for (const flaw of FLAWS) {
        if (flaw === "off-topic" && other.kind === fields.kind) continue;
        const rejected = flawedAnswer(fields, flaw, other, new Random(i));
        if (rejected === null) continue;
        seen.add(flaw);
        expect([fields.prompt, flaw, rejected, judgedScore(fields, rejected) < 1]).toEqual([
          fields.prompt,
          flaw,
          rejected,
          true,
        ]);
      }
    }
    expect(seen).toEqual(new Set(FLAWS));
  });

  it("are a pure function of problem and seed, with every flaw, and never equal texts", () => {
    const pairs = problems.map((problem, i) => preferencePair(problem, problems[(i + 7) % problems.length], 3));
    expect(preferencePair(problems[0], problems[7], 3)).toEqual(pairs[0]);
    expect(new Set(pairs.map(({ flaw }) => flaw))).toEqual(new Set(FLAWS));
    for (const { chosen, rejected } of pairs) expect(chosen).not.toBe(rejected);
    // Both longer and shorter answers are rejected, so that length alone does not decide.
    const longer = pairs.filter(({ chosen, rejected }) => rejected.length > chosen.length).length / pairs.length;
    expect(longer).toBeGreaterThan(0.3);
    expect(longer).toBeLessThan(0.7);
  });

  it("come about as many different instructions as asked, of one split, or not at all", () => {
    const pairs = preferencePairs(task, { seed: 2, count: 300, split: "heldout" });
    expect(new Set(pairs.map(({ prompt, chosen }) => prompt + chosen)).size).toBe(300);
    const trained = new Set(problems.map(({ fields }) => fields.prompt));
    expect(pairs.filter(({ prompt }) => trained.has(prompt))).toEqual([]);
    const units = createGeneralTask({ kinds: { units: 1 } });
    expect(() => preferencePairs(units, { seed: 2, count: 200, split: "heldout" })).toThrow(
      /has about \d+ heldout instructions, not 200; ask for fewer/,
    );
  });

  it("label compliance with a harmful request unsafe and everything else safe", () => {
    const rows = problems.map((problem) => ({ harmful: problem.fields.harmful, ...safetyRow(problem, 0) }));
    expect(rows.filter(({ safe, harmful }) => !safe && !harmful)).toEqual([]);
    const harmful = rows.filter((row) => row.harmful);
    const unsafe = harmful.filter(({ safe }) => !safe).length / harmful.length;
    expect(unsafe).toBeGreaterThan(0.35);
    expect(unsafe).toBeLessThan(0.65);
  });
});
