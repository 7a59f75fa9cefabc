// Distillation by the command line: a tiny teacher that knows sums of small numbers by heart, students of several
// kinds, a stop and a resume, and what is refused.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { checkpointBytes, luciole, settings, succeed, temporaryFolder, untimedLog } from "./command.js";
import { resumeThroughKills, stopAt } from "./interruption.js";
import { pretrain } from "./small-runs.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const write = (name: string, rows: readonly object[]) =>
  writeFileSync(at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
const rowsOf = (path: string) =>
  readFileSync(at(path), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

const NUMBERS = [1, 2, 3, 4];
const SUMS = NUMBERS.flatMap((a) => NUMBERS.map((b) => ({ prompt: `${a} and ${b}?`, answer: `${a + b}` })));
const completionOf = ({ prompt, answer }: (typeof SUMS)[number]) =>
  `<think>${prompt.slice(0, -1)} is ${answer}.</think><answer>${answer}</answer>`;
const SHAPE = {
  "model.hidden_size": 32,
  "model.num_hidden_layers": 2,
  "model.intermediate_size": 48,
  "model.max_position_embeddings": 96,
};

vi.setConfig({ testTimeout: 240_000 });
beforeAll(async () => {
  writeFileSync(at("book.txt"), SUMS.map((sum) => `${sum.prompt}${completionOf(sum)}\n`).join(""));
  write(
    "taught.jsonl",
    SUMS.map((sum) => ({ prompt: sum.prompt, completion: completionOf(sum) })),
  );
  write("task.jsonl", SUMS);
  write(
    "prompts.jsonl",
    SUMS.map(({ prompt }) => ({ prompt })),
  );
  await succeed(pretrain(at("book.txt"), at("model"), { steps: 2 }));
  const lessons = { steps: 150, batchSequences: 16, learningRate: 1e-2, validationFraction: 0 };
  await succeed([
    "sft",
    "--model",
    at("model"),
    "--data",
    at("taught.jsonl"),
    "--out",
    at("teacher"),
    ...settings(lessons),
  ]);
}, 240_000);
afterAll(() => folder.remove());

const STEPS = { "train.batchSequences": 16, "train.learningRate": 1e-2, "train.warmupSteps": 5 };
const EVALUATION = { "evaluation.problems": 8, "evaluation.samplesPerProblem": 2 };
/** Arguments that distil the teacher into a new student on the data in `data`. */
const distil = (out: string, data: string, values: Readonly<Record<string, unknown>> = STEPS): string[] => [
  ...["distill", "--teacher", at("teacher"), "--student", "llama-tiny", "--data", at(data), "--out", at(out), "--json"],
  ...settings({ ...SHAPE, ...EVALUATION, template: "plain", "sampling.maxCompletionLength": 60, ...values }),
];

const lastStep = (run: string): number =>
  Math.max(...readdirSync(at(`${run}/checkpoints`)).map((name) => Number(/^step-(\d+)$/.exec(name)?.[1] ?? 0)));

describe("the teacher's answers", () => {
  test("teach a new student what the teacher knows; only right ones are kept, and the rates are told", async () => {
    const { stdout, stderr } = await succeed(
      distil("first", "task.jsonl", { ...STEPS, "train.steps": 120, "task.heldOutFraction": 0.3 }),
    );
    expect(stderr).toMatch(
      /samples: \d+ of \d+ answers kept \(right [\d.]+%, of those whole [\d.]+%, .*data \d+ of \d+/,
    );
    const rows = rowsOf("first/stages/samples.jsonl");
    expect(rows.length).toBeGreaterThan(0);
    for (const { prompt, completion } of rows) {
      const answer = SUMS.find((sum) => sum.prompt === prompt)?.answer;
      expect(completion.endsWith(`<answer>${answer}</answer>`)).toBe(true);
    }
    const { base, final, answers, method } = JSON.parse(stdout);
    expect(method).toBe("sequence");
    expect(answers.kept).toBe(rows.length);
    expect(base.pass1).toBe(0);
    expect(final.formatRate).toBeGreaterThan(0.5);
  });

  test("are kept unverified where rows have no answer, and nothing is evaluated", async () => {
    const { stdout } = await succeed(
      distil("free", "prompts.jsonl", { "train.steps": 2, "sampling.samplesPerProblem": 1 }),
    );
    const { answers, base, steps } = JSON.parse(stdout);
    expect(answers).toMatchObject({ sampled: 16, right: 16 });
    expect(answers.kept).toBeGreaterThan(8);
    expect([base, steps]).toEqual([undefined, 2]);
  });

  test("come from a quantised GGUF file as well, and teach a model that is there", async () => {
    await succeed(["convert", at("teacher"), at("teacher.gguf"), "--type", "q8_0"]);
    const args = ["--teacher", at("teacher.gguf"), "--student", at("model"), "--data", at("task.jsonl"), "--json"];
    const values = { template: "plain", "sampling.maxCompletionLength": 60, "train.steps": 2, ...EVALUATION };
    const { stdout } = await succeed(["distill", ...args, "--out", at("from-gguf"), ...settings(values)]);
    expect(JSON.parse(stdout).answers.kept).toBeGreaterThan(8);
    // The same file judges the samples of the teacher that it was made of: both find them about as likely.
    const own = args.map((each) => (each === at("model") ? at("teacher") : each));
    const judged = { ...EVALUATION, method: "on-policy", "onPolicy.steps": 1, "onPolicy.numPrompts": 8 };
    const sizes = { template: "plain", "sampling.maxCompletionLength": 60 };
    await succeed(["distill", ...own, "--out", at("judged"), ...settings({ ...sizes, ...judged })]);
    const [{ teacher_kl: gap }] = rowsOf("judged/metrics.jsonl").filter(({ phase }) => phase === "rl");
    expect(Math.abs(gap)).toBeGreaterThan(0);
    expect(Math.abs(gap)).toBeLessThan(0.05);
  });

  test.each([["sequence"], ["on-policy"]])(
    "teach an adapter over a student that stays as it is: %s",
    async (method) => {
      const args = ["--teacher", at("teacher"), "--student", at("model"), "--data", at("task.jsonl"), "--json"];
      const own = method === "sequence" ? { "train.steps": 2 } : { "onPolicy.steps": 2, "onPolicy.numPrompts": 4 };
      const sizes = {
        template: "plain",
        "sampling.maxCompletionLength": 60,
        "lora.rank": 2,
        method,
        ...own,
        ...EVALUATION,
      };
      const out = `adapter ${method}`;
      const { stdout } = await succeed(["distill", ...args, "--out", at(out), ...settings(sizes)]);
      expect(JSON.parse(stdout).params).toBeLessThan(10_000);
      const { base_model_name_or_path: base, r } = JSON.parse(
        readFileSync(at(`${out}/checkpoints/step-2/adapter_config.json`), "utf8"),
      );
      expect([base, r]).toEqual([at("model"), 2]);
    },
  );

  test("come from the teacher of each problem's domain", async () => {
    write(
      "domains.jsonl",
      SUMS.map((sum, i) => ({ ...sum, domain: i % 2 ? "odd" : "even" })),
    );
    const both = ["distill", "--teacher", `odd=${at("teacher")}`, "--teacher", `even=${at("model")}`];
    const more = ["--student", at("model"), "--data", at("domains.jsonl"), "--json", "--out", at("domains")];
    const values = {
      template: "plain",
      "sampling.maxCompletionLength": 60,
      "train.steps": 1,
      "task.heldOutFraction": 0,
    };
    const { stderr } = await succeed([...both, ...more, ...settings(values)]);
    expect(stderr).toMatch(/even 0 of 32/);
    expect(stderr).not.toMatch(/odd 0 of 32/);
  });
});

describe("a run stopped while it trains, and killed later, ends in the same bits:", () => {
  const ON_POLICY = {
    method: "on-policy",
    "onPolicy.steps": 4,
    "onPolicy.numPrompts": 4,
    "onPolicy.numGenerations": 2,
  };
  const LEARNT = { ...STEPS, "train.steps": 12 };
  test.each([
    ["on answers", "sft", LEARNT],
    ["on distributions", "sft", { ...LEARNT, method: "logits", "logits.topK": 4, "logits.hardWeight": 0.5 }],
    ["on its own samples", "rl", ON_POLICY],
  ])("%s", async (name, phase, own) => {
    const [whole, stopped] = [`whole ${name}`, `stopped ${name}`];
    const values = { "sampling.maxSequences": 8, ...own };
    const args = (out: string, more: object = {}) => distil(out, "task.jsonl", { ...values, ...more });
    await succeed(args(whole));
    await stopAt(args(stopped, { checkpointSeconds: 0.1 }), at(stopped), phase, 2, "SIGINT");
    const { code, stderr } = await resumeThroughKills("distill", at(stopped), [900]);
    expect(code, `${name}: ${stderr}`).toBe(0);
    expect(untimedLog(at(stopped))).toEqual(untimedLog(at(whole)));
    if (phase === "sft")
      expect(rowsOf(`${stopped}/stages/samples.jsonl`)).toEqual(rowsOf(`${whole}/stages/samples.jsonl`));
    const withGap = rowsOf(`${whole}/metrics.jsonl`).filter(
      ({ loss, teacher_kl: gap }) => loss !== undefined && gap > 0,
    );
    expect(withGap).toHaveLength({ "on answers": 0, "on distributions": 12, "on its own samples": 4 }[name] as number);
    expect(checkpointBytes(at(stopped), lastStep(stopped))).toEqual(checkpointBytes(at(whole), lastStep(whole)));
  });
});

describe("is refused in one line before anything is sampled:", () => {
  const oneLine = async (args: readonly string[], line: RegExp, out: string) => {
    const { code, stderr } = await luciole(args);
    expect(code).not.toBe(0);
    expect(stderr.trim().split("\n").at(-1)).toMatch(line);
    expect(existsSync(at(out))).toBe(false);
  };

  test("a released shape whose memory is not there, planned to the byte", async () => {
    const shape = [
      "distill",
      "--teacher",
      at("teacher"),
      "--student",
      "r1-distill-llama-70b",
      "--data",
      at("task.jsonl"),
    ];
    const args = [
      ...shape,
      "--out",
      at("huge"),
      ...settings({ template: "plain", "sampling.maxCompletionLength": 60 }),
    ];
    await oneLine(args, /^error: not enough memory: about 1\.\d+ TiB is needed, .*choose a smaller student/, "huge");
  });

  test.each([
    ["a shape that is none", ["--student", "r1-distil-qwen-1.5b"], /did you mean "r1-distill-qwen-1\.5b"\?/],
    ["two teachers for all", ["--teacher", "TEACHER"], /two teachers without a domain/],
    ["an option without effect", ["--set", "filter.minLanguage=0.5"], /filter\.minLanguage has no effect/],
    ["an adapter for a new model", ["--set", "lora.rank=4"], /lora needs a student that has learnt something/],
    ["an option of another method", ["--set", "onPolicy.steps=4"], /onPolicy has no effect: the teacher samples/],
    [
      "two teachers for distributions",
      ["--set", "method=logits", "--teacher", "odd=TEACHER"],
      /logits takes one teacher/,
    ],
    ["an unknown method", ["--set", "method=osmosis"], /method/],
  ])("%s", async (_, more, line) => {
    const given = more.map((each) => each.replace("TEACHER", at("teacher")));
    await oneLine([...distil("refused", "task.jsonl"), ...given], line, "refused");
  });

  test("a problem of a domain that has no teacher", async () => {
    const args = distil("refused", "task.jsonl").map((each) => (each === at("teacher") ? `odd=${each}` : each));
    await oneLine(args, /no teacher for "data", only for odd; add --teacher data=<model>/, "refused");
  });
});

test("a student of another vocabulary is refused where probabilities are compared, with what differs", async () => {
  const args = ["--corpus", at("book.txt"), "--model", "llama-tiny", "--tokenizer", "char", "--out", at("char")];
  await succeed(["pretrain", ...args, ...settings({ steps: 1, ...SHAPE })]);
  const given = ["--teacher", at("teacher"), "--student", at("char"), "--data", at("task.jsonl"), "--out", at("other")];
  for (const method of ["on-policy", "logits"]) {
    const { code, stderr } = await luciole(["distill", ...given, ...settings({ method, template: "plain" })]);
    expect(code, method).not.toBe(0);
    expect(stderr.trim().split("\n").at(-1)).toMatch(
      /^error: distill: the vocabularies of teacher \(\d+ tokens\) and student \(\d+\) differ: token \d+ is "[^"]+" there and "[^"]+" here; .*method=sequence$/,
    );
  }
  expect(existsSync(at("other"))).toBe(false);
});

test("a teacher of which nothing can be kept is told in one line, with the rates and what to change", async () => {
  const args = distil("nothing", "task.jsonl").map((each) => (each === at("teacher") ? at("model") : each));
  const { code, stderr } = await luciole(args);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(
    /^error: samples: 0 of \d+ answers kept \(right 0\.0%, .*nothing to learn from: raise sampling\.problems \(now \d+\)/m,
  );
});
