// The whole R1 in small, by the command line: every stage and what it leaves behind, a stop in any of its stages, data
// in place of sampled chains, and what is refused.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { checkpointBytes, luciole, settings, succeed, temporaryFolder, untimedLog } from "./command.js";
import { resumeThroughKills, stopAt } from "./interruption.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const smoke = (out: string, ...more: string[]) => ["r1", "--preset", "smoke", "--seed", "5", "--out", at(out), ...more];
const linesOf = (path: string) =>
  readFileSync(at(path), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });

let first: Awaited<ReturnType<typeof succeed>>;
beforeAll(async () => {
  first = await succeed(smoke("first", "--json"));
}, LIMIT_MS);
afterAll(() => folder.remove());

describe("the whole road", () => {
  test("tells what every recipe tells", () => {
    const keys = "base final problems samplesPerProblem seed params activeParams pretrainTokens rlSteps wallSeconds";
    const more = "peakRssBytes tokensPerSecond mfu runDir";
    expect(Object.keys(JSON.parse(first.stdout))).toEqual(expect.arrayContaining(`${keys} ${more}`.split(" ")));
  });

  test("measures the base and the model after each stage", () => {
    const { stages, base, final, rlSteps } = JSON.parse(first.stdout);
    expect(stages.map(({ name }: { name: string }) => name)).toEqual([
      ...["base", "zero", "cold", "reason", "rejection", "all"],
    ]);
    expect(rlSteps).toBe(6);
    expect([base, final]).toEqual([stages[0].evaluation, stages[5].evaluation]);
    for (const { figures } of stages) expect(Object.keys(figures)).toContain("pass1/arithmetic");
    const comparedWithZero = stages.map(({ figures }: { figures: object }) => "general_wins/zero" in figures);
    expect(comparedWithZero).toEqual([false, false, true, true, true, true]);
  });

  test("keeps only right answers, said in English, in the whole form", () => {
    for (const name of ["cold samples", "rejection samples"]) {
      const rows = linesOf(`first/stages/${name}.jsonl`);
      expect(rows.length).toBeGreaterThan(0);
      for (const { prompt, completion } of rows) {
        const [, thought, answer] = /^<think>([^<]+)<\/think>\s*<answer>([^<]+)<\/answer>$/.exec(
          completion,
        ) as string[];
        expect(thought).not.toMatch(/[+*=]/);
        const [, a, operator, b] = /(\d+) ?(\+|-|\*|plus|minus|times) ?(\d+)/.exec(prompt) as string[];
        const [x, y] = [Number(a), Number(b)];
        const value = /\+|plus/.test(operator) ? x + y : /\*|times/.test(operator) ? x * y : x - y;
        expect(Number(answer)).toBe(value);
      }
    }
    expect(first.stderr).toMatch(
      /cold samples: \d+ of 768 answers kept \(right [\d.]+%, of those whole [\d.]+%, of those readable [\d.]+%\)/,
    );
  });

  test("trains reward models, whose judgement counts in the last part of the last stage", () => {
    for (const name of ["helpful", "harmless"]) {
      const own = `first/reward-models/${name} reward model`;
      const { params, valLoss } = JSON.parse(readFileSync(at(`${own}/summary.json`), "utf8"));
      expect([params > 10_000, Number.isFinite(valLoss)]).toEqual([true, true]);
      expect(linesOf(`first/stages/${name} reward model.jsonl`)[0].prompt).toMatch(/^User: .*\nAssistant:$/s);
    }
    const steps = linesOf("first/metrics.jsonl").filter(({ phase, stage }) => phase === "rl" && stage === "all");
    const meansOf = (line: object) =>
      ["helpful", "harmless"].map((name) => (line as Record<string, unknown>)[`rewards/${name}/mean`]);
    expect(meansOf(steps[0])).toEqual([undefined, undefined]);
    expect(meansOf(steps[1])).toEqual([expect.any(Number), expect.any(Number)]);
  });

  test("pretrains a student of its own architecture and teaches it, in runs inside the run", () => {
    const { students, activeParams } = JSON.parse(first.stdout);
    expect(students.map(({ name }: { name: string }) => name)).toEqual(["experts"]);
    expect(students[0].activeParams).not.toBe(activeParams);
    const { final } = JSON.parse(readFileSync(at("first/students/experts/summary.json"), "utf8"));
    expect(final).toEqual(students[0].evaluation);
    expect(linesOf("first/students/experts/stages/samples.jsonl").length).toBeGreaterThan(0);
    const base = JSON.parse(readFileSync(at("first/students/experts-base/summary.json"), "utf8"));
    expect([base.steps, base.activeParams]).toEqual([20, students[0].activeParams]);
    const { source } = JSON.parse(readFileSync(at("first/students/experts/config.json"), "utf8")).options;
    expect(source.student).toBe(at("first/students/experts-base"));
  });

  test("names the stage in every line of phases that it has several of", () => {
    const lines = linesOf("first/metrics.jsonl");
    const stagesOf = (wanted: string) => [
      ...new Set(lines.filter(({ phase }) => phase === wanted).map(({ stage }) => stage)),
    ];
    expect(stagesOf("pretrain")).toEqual([undefined]);
    expect(stagesOf("sft")).toEqual(["cold", "rejection"]);
    expect(stagesOf("rl")).toEqual(["zero", "reason", "all"]);
  });

  test("is told in one report, each stage beside the one before", () => {
    const html = readFileSync(at("first/report.html"), "utf8");
    expect(html).toContain("<h2>Stage by stage</h2>");
    for (const name of ["zero", "reason", "all"]) expect(html).toContain(`<h2>Reinforcement learning: ${name}</h2>`);
    for (const name of ["cold", "rejection"]) expect(html).toContain(`<h2>Fine-tuning: ${name}</h2>`);
    expect(html).toContain("After rejection");
    expect(html).toContain('<th scope="row">student experts</th>');
  });
});

const lastStep = (run: string): number =>
  Math.max(...readdirSync(at(`${run}/checkpoints`)).map((name) => Number(/^step-(\d+)$/.exec(name)?.[1] ?? 0)));

test("a run stopped in the cold start and killed after it ends in the same bits", async () => {
  const often = settings({ checkpointSeconds: 0.1 });
  await stopAt(smoke("stopped", "--json", ...often), at("stopped"), "sft", 1, "SIGINT");
  const { code, stderr } = await resumeThroughKills("r1", at("stopped"), [2000]);
  expect(code, stderr).toBe(0);
  expect(untimedLog(at("stopped"))).toEqual(untimedLog(at("first")));
  expect(untimedLog(at("stopped"), "samples.jsonl")).toEqual(untimedLog(at("first"), "samples.jsonl"));
  expect(lastStep("stopped")).toBe(lastStep("first"));
  expect(checkpointBytes(at("stopped"), lastStep("first"))).toEqual(checkpointBytes(at("first"), lastStep("first")));
});

describe("a person's own list of stages", () => {
  const quick = settings({ "pretrain.steps": 2, "evaluation.problems": 4, generalPrompts: 4 });
  // Enough for the format to come out at times, so that reinforcement has something to learn.
  const taught = settings({ "pretrain.steps": 100, "evaluation.problems": 4, generalPrompts: 4 });

  test("takes their chains in place of sampled ones, and leaves stages out", async () => {
    const row = {
      prompt: "User: Compute 1+2.\nAssistant:",
      completion: "<think>1 plus 2 is 3.</think><answer>3</answer>",
    };
    const rows = Array.from({ length: 24 }, (_, i) =>
      JSON.stringify({ ...row, prompt: `${row.prompt}${" ".repeat(i)}` }),
    );
    writeFileSync(at("chains.jsonl"), rows.join("\n"));
    const given = ["--set", 'stages=["cold"]', "--set", `cold.data=${at("chains.jsonl")}`, ...taught, "--json"];
    const { stages, rlSteps } = JSON.parse((await succeed(smoke("own", ...given))).stdout);
    expect(stages.map(({ name }: { name: string }) => name)).toEqual(["base", "cold"]);
    expect(rlSteps).toBe(0);
    expect(readdirSync(at("own/stages"))).toEqual(["pretrain"]);
  });

  test("fine-tunes the base, whatever reinforcement made of it before", async () => {
    const data = ["--set", `cold.data=${at("chains.jsonl")}`, ...taught];
    await succeed(smoke("after-zero", "--set", 'stages=["zero","cold"]', ...data));
    const weightsOf = (run: string) => checkpointBytes(at(run), lastStep(run)).weights;
    expect(linesOf("after-zero/metrics.jsonl").some(({ phase, grad_norm }) => phase === "rl" && grad_norm > 0)).toBe(
      true,
    );
    expect(weightsOf("after-zero").equals(weightsOf("own"))).toBe(true);
  });

  test("runs one stage alone on a model that is there, measured as the run that made it did", async () => {
    const alone = ["--set", `base=${at("first/stages/pretrain")}`, "--set", 'stages=["all"]', "--json"];
    const { stages, rlSteps, pretrainTokens } = JSON.parse((await succeed(smoke("alone", ...alone))).stdout);
    expect(stages.map(({ name }: { name: string }) => name)).toEqual(["base", "all"]);
    expect(stages[0]).toEqual(JSON.parse(first.stdout).stages[0]);
    expect([rlSteps, pretrainTokens]).toEqual([2, 0]);
  });

  test("that keeps nothing of what it samples is told the rates and what to change, in one line", async () => {
    const { code, stderr } = await luciole(smoke("nothing", "--set", 'stages=["cold"]', ...quick));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      /^error: cold samples: 0 of 768 answers kept \(right [\d.]+%, .*; nothing to learn from: raise cold\.problems \(now/m,
    );
  });

  test.each([
    ['stages=["zro"]', /stages/],
    [
      "rl.steps=4",
      /each stage has its own number of steps; set zero\.steps, reason\.steps or all\.steps, not rl\.steps/,
    ],
    ["cold.data=nowhere.jsonl", /nowhere\.jsonl/],
    ['world={"weights":{"general":1}}', /world\.weights needs a task besides general/],
    ["model.hiden_size=4", /unknown option "model\.hiden_size"/],
  ])("--set %s is refused in one line before anything is trained", async (setting, message) => {
    const { code, stderr } = await luciole(smoke("refused", "--set", setting));
    expect(code).not.toBe(0);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(message);
  });

  test.each([
    [['stages=["cold"]', "zero.steps=4"], "zero has no effect: stages leaves it out"],
    [["base=nowhere", "pretrain.steps=4"], "pretrain.steps has no effect: base gives the model"],
    [["cold.data=FILE", "cold.problems=4"], "cold.problems has no effect: cold.data gives the rows"],
  ])("--set %s is refused: what would have no effect is named", async (given, message) => {
    writeFileSync(at("rows.jsonl"), '{"prompt":"a","completion":"b"}');
    const flags = given.flatMap((setting) => ["--set", setting.replace("FILE", at("rows.jsonl"))]);
    const { code, stderr } = await luciole(smoke("refused", ...flags));
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
