// The main job in small: the whole recipe by the command line, what it leaves behind, and that it can be repeated to
// the bit.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openGgufModel } from "../../src/checkpoint/gguf-model.js";
import { chatStyle } from "../../src/inference/conversation/chat-style.js";
import { readModelFacts } from "../../src/inference/opening/open-model.js";
import { createGgufTokenizer } from "../../src/tokenizer/create-tokenizer.js";
import { checkpointBytes, luciole, settings, start, succeed, temporaryFolder, untimedLog } from "./command.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const smoke = (out: string, ...more: string[]) => ["zero", "--preset", "smoke", "--out", at(out), ...more];
const LAST_STEP = 11;

// A machine that is busy with other tests takes its time.
const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });

let first: Awaited<ReturnType<typeof succeed>>;
beforeAll(async () => {
  first = await succeed(smoke("first", "--seed", "5", "--json"));
}, LIMIT_MS);
afterAll(() => folder.remove());

describe("the whole recipe", () => {
  test("ends with one JSON object on standard output, and nothing else there", () => {
    const summary = JSON.parse(first.stdout);
    expect(first.stdout.trimEnd().split("\n")).toHaveLength(1);
    for (const side of [summary.base, summary.final]) {
      expect(Object.keys(side).sort()).toEqual([
        "consK",
        "formatRate",
        "meanThinkTokens",
        "meanTokens",
        "pass1",
        "passAt",
        "passK",
        "problems",
        "shares",
        "stderr",
        "truncatedRate",
      ]);
      for (const key of ["pass1", "passK", "consK", "formatRate"]) {
        expect(side[key]).toBeGreaterThanOrEqual(0);
        expect(side[key]).toBeLessThanOrEqual(1);
        expect(Number.isFinite(side.stderr[key])).toBe(true);
      }
    }
    expect(summary).toMatchObject({ seed: 5, problems: 8, samplesPerProblem: 4, rlSteps: 3, runDir: at("first") });
    for (const key of ["params", "activeParams", "pretrainTokens", "wallSeconds", "peakRssBytes"])
      expect(summary[key]).toBeGreaterThan(0);
    expect(summary.activeParams).toBeLessThan(summary.params);
    for (const key of ["pretrain", "rollout"]) expect(summary.tokensPerSecond[key]).toBeGreaterThan(0);
    // three steps of a newborn may hold no group with spread, and then nothing is trained
    const { train } = summary.tokensPerSecond;
    expect(train === null || train > 0).toBe(true);
    expect(summary).toHaveProperty("mfu");
    expect(JSON.parse(readFileSync(at("first/summary.json"), "utf8"))).toEqual(summary);
  });
  test("tells its plan before the first step, and foresees its memory within a factor of two", () => {
    const lines = first.stderr.split("\n");
    const plan = lines.findIndex((line) => /^ {2}memory +about/.test(line));
    expect(plan).toBeGreaterThan(-1);
    expect(plan).toBeLessThan(lines.findIndex((line) => line.startsWith("pretrain:")));
    const foreseen = Number(/about (\d+) MiB/.exec(lines[plan])?.[1]) * 2 ** 20;
    const { peakRssBytes } = JSON.parse(first.stdout);
    expect(peakRssBytes / foreseen).toBeGreaterThan(0.5);
    expect(peakRssBytes / foreseen).toBeLessThan(2);
  });
  test("leaves a report, logs and a checkpoint in the Hugging Face layout", () => {
    const report = readFileSync(at("first/report.html"), "utf8");
    expect(report).toContain("held-out problems");
    expect(report).not.toMatch(/src="http|href="http/);
    const metrics = untimedLog(at("first")) as { phase: string; model?: string; loss?: number }[];
    expect(metrics.filter(({ phase, loss }) => phase === "pretrain" && loss !== undefined)).toHaveLength(8);
    expect(metrics.filter(({ phase }) => phase === "rl")).toHaveLength(3);
    expect(metrics.filter(({ model }) => model !== undefined).map(({ model }) => model)).toEqual(["base", "final"]);
    const checkpoint = at(`first/checkpoints/step-${LAST_STEP}`);
    for (const file of [
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
      "generation_config.json",
    ]) {
      expect(existsSync(join(checkpoint, file)), file).toBe(true);
    }
  });
});

test("the same seed gives the same bits, another seed others", async () => {
  await Promise.all([succeed(smoke("again", "--seed", "5")), succeed(smoke("other", "--seed", "6"))]);
  expect(untimedLog(at("again"))).toEqual(untimedLog(at("first")));
  expect(untimedLog(at("again"), "samples.jsonl")).toEqual(untimedLog(at("first"), "samples.jsonl"));
  expect(checkpointBytes(at("again"), LAST_STEP)).toEqual(checkpointBytes(at("first"), LAST_STEP));
  expect(checkpointBytes(at("other"), LAST_STEP).weights.equals(checkpointBytes(at("first"), LAST_STEP).weights)).toBe(
    false,
  );
});

test("for a person it ends with before and after, the report, and the command that asks the model", async () => {
  const { stdout } = await succeed(smoke("person", ...settings({ "pretrain.steps": 2, "rl.steps": 1 })));
  expect(stdout).toMatch(/before +after RL +change/);
  expect(stdout).toMatch(/pass@1 +\d+\.\d% ± \d+\.\d% +\d+\.\d% ± \d+\.\d%/);
  expect(stdout).toContain(`report:  ${at("person/report.html")}`);
  expect(stdout).toContain(`try it:  npx luciole run ${at("person")} '3 5 8 = 23'`);
});

test("a finished run resumed has nothing left to do, and tells its summary again", async () => {
  const { stdout, stderr } = await succeed(["zero", "--resume", at("first"), "--json"]);
  expect(JSON.parse(stdout)).toEqual(JSON.parse(first.stdout));
  expect(stderr).toContain("finished");
});

describe("the model of a run", () => {
  test("answers a bare problem in its own template, the same for the same seed", async () => {
    const ask = (...more: string[]) =>
      succeed(["run", at("first"), "3 7 8 = 24", "--json", "--max-tokens", "24", ...more]);
    const [one, two, other] = await Promise.all([ask(), ask(), ask("--seed", "9")]);
    const { tokensPerSecond: _, ...answer } = JSON.parse(one.stdout);
    expect(JSON.parse(two.stdout)).toMatchObject(answer);
    expect(answer).toMatchObject({ prompt: "3 7 8 = 24" });
    expect(answer.numTokens).toBeGreaterThan(0);
    expect(`${other.stdout}`).not.toBe(`${one.stdout}`);
    // Letters outside the alphabet can only be refused, which shows that nothing else was put in their place.
    const refused = await luciole(["run", at("first"), "What?"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/is not in the tokenizer's alphabet/);
  });
  test("converted, it is put its questions as the run puts them", async () => {
    await Promise.all(
      ["first.gguf", "converted"].map((to) => succeed(["convert", at("first"), at(to), "--type", "f32"])),
    );
    const { file, close } = await openGgufModel(at("first.gguf"));
    const gguf = { tokenizer: createGgufTokenizer(file.facts, "first.gguf"), template: null };
    await close();
    const models = [await readModelFacts(at("first")), await readModelFacts(at("converted")), gguf];
    const [own, ...others] = models.map(({ tokenizer, template }) => {
      const { kind, remembers, prompt } = chatStyle(tokenizer, template);
      return { kind, remembers, prompt: prompt([{ role: "user", content: "3 7 8 = 24" }]) };
    });
    expect(own.prompt.text).toBe("Q:3 7 8=24\nA:");
    expect(others).toEqual([own, own]);
    const { stdout } = await succeed(["run", at("first.gguf"), "3 7 8 = 24", "--json", "--max-tokens", "4"]);
    expect(JSON.parse(stdout)).toMatchObject({ prompt: "3 7 8 = 24", numTokens: 4 });
  });
  test("answers one question a line from standard input", async () => {
    const shell = `printf '3 7 8 = 24\\n1 2 3 = 6\\n' | "$@"`;
    const { stdout } = await start(["run", at("first"), "--json", "--max-tokens", "4"], { shell }).ended;
    const prompts = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).prompt);
    expect(prompts).toEqual(["3 7 8 = 24", "1 2 3 = 6"]);
  });
  test("is inspected: architecture, parameters, and a latent cache smaller than that per head", async () => {
    const { stdout } = await succeed(["inspect", at("first"), "--json", "--context", "100"]);
    const facts = JSON.parse(stdout);
    expect(facts.architecture).toBe("deepseek_v3");
    expect(facts.parameters.total).toBe(JSON.parse(first.stdout).params);
    expect(Object.values(facts.parameters.byPart as Record<string, number>).reduce((a, b) => a + b, 0)).toBe(
      facts.parameters.total,
    );
    expect(facts.kvBytesPerToken.latent).toBeLessThan(facts.kvBytesPerToken.heads);
    expect(facts.kvBytesAtContext.latent).toBe(100 * facts.kvBytesPerToken.latent);
    expect(facts.stored.dtypes).toEqual({ f32: facts.stored.tensors });
  });
  test("is evaluated on the task it was trained for, as the run itself counted", async () => {
    const { final } = JSON.parse(first.stdout);
    const evaluated = JSON.parse((await succeed(["eval", at("first"), "--json"])).stdout);
    expect(evaluated).toMatchObject({ temperature: 0.6, topP: 0.95, maxNewTokens: 48, seed: 5 });
    expect(evaluated.evaluations).toMatchObject([{ task: "countdown", samplesPerProblem: 4, ...final }]);
    const { stdout } = await succeed(["eval", at("first")]);
    expect(stdout).toContain("8 distinct held-out problems x 4 samples, ± one standard error");
    expect(stdout).toContain("temperature 0.6, top-p 0.95, up to 48 new tokens, seed 5");
    // A bare checkpoint still knows the run's token limit.
    const asked = ["--problems", "8", "--samples", "4", "--seed", "5", "--json"];
    const bare = JSON.parse((await succeed(["eval", at(`first/checkpoints/step-${LAST_STEP}`), ...asked])).stdout);
    expect(bare).toMatchObject({ maxNewTokens: 48, evaluations: [final] });
  });
  test("is evaluated on a whole data set, or on what of it is held out, and that is said", async () => {
    writeFileSync(
      at("sums.jsonl"),
      ["1 2 = 3", "2 2 = 4", "2 3 = 5", "1 2 = 3"]
        .map((prompt) => JSON.stringify({ prompt, answer: prompt.slice(-1) }))
        .join("\n"),
    );
    const evaluate = (...more: string[]) =>
      succeed(["eval", at("first"), "--data", at("sums.jsonl"), "--max-tokens", "4", "--json", ...more]);
    const whole = await evaluate("--problems", "all", "--set", "heldOutFraction=1");
    expect(JSON.parse(whole.stdout).evaluations).toMatchObject([{ task: "data", problems: 3 }]);
    expect(whole.stderr).not.toContain("note:");
    const part = await evaluate("--problems", "50", "--set", "heldOutFraction=0.01");
    expect(JSON.parse(part.stdout).evaluations).toMatchObject([
      { problems: 1, stderr: { pass1: null, formatRate: null } },
    ]);
    expect(part.stderr).toContain("note: task data has 1 distinct held-out problem, not the 50 asked for");
    expect((await luciole(["eval", at("first"), "--problems", "all"])).stderr).toContain(
      'task countdown: the number of problems is unlimited, so "all" cannot be evaluated',
    );
  });
});
