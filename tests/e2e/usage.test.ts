// Wrong usage: every mistake is answered with one line that says how to mend it, and exit code 2. And help, quickly.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { luciole, temporaryFolder } from "./command.js";
import { inProcess } from "./in-process.js";

// A machine that is busy with other tests takes its time.
vi.setConfig({ testTimeout: 240_000 });

const VERBS = [
  "zero",
  "pretrain",
  "sft",
  "rl",
  "eval",
  "pull",
  "run",
  "chat",
  "serve",
  "inspect",
  "convert",
  "merge",
  "bench",
  "setup",
  "doctor",
];
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
beforeAll(() => {
  mkdirSync(at("taken"));
  writeFileSync(at("taken/notes.txt"), "mine");
});
afterAll(() => folder.remove());

describe("help", () => {
  test("names every verb, for less than 200 ms of work", async () => {
    // Time on the processor, not on the clock: other programs on the machine are not what is measured.
    const meter =
      "process.on('exit',()=>{const{userCPUTime:u,systemCPUTime:s}=process.resourceUsage();process.stderr.write(String((u+s)/1000))})";
    const shell = `NODE_OPTIONS="--import=data:text/javascript,${meter}" "$@"`;
    const runs = await Promise.all([1, 2, 3].map(() => luciole(["--help"], { shell })));
    for (const verb of VERBS) expect(runs[0].stdout).toMatch(new RegExp(`^  ${verb} `, "m"));
    const times = runs.map(({ stderr }) => Number(stderr));
    expect(Math.min(...times)).toBeGreaterThan(5);
    expect(Math.min(...times)).toBeLessThan(200);
  });
  test.each(VERBS)("of %s has an example and takes --json", async (verb) => {
    const { code, stdout } = await inProcess([verb, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Example:\\n {2}luciole ${verb}`));
    expect(stdout).toContain("--json");
  });
});

describe("one line and exit code 2 for", () => {
  const cases: [string, string[], RegExp][] = [
    ["no verb", [], /Usage: luciole/],
    ["an unknown verb", ["zer"], /unknown command 'zer' \(Did you mean zero\?\)/],
    ["an unknown flag", ["zero", "--presett", "tiny"], /unknown option '--presett' \(Did you mean --preset\?\)/],
    [
      "a flag that is cut short",
      ["run", "x", "--temp", "1"],
      /unknown option '--temp' \(Did you mean --temperature\?\)/,
    ],
    [
      "a flag with an underscore",
      ["run", "x", "--max_tokens", "1"],
      /unknown option '--max_tokens' \(Did you mean --max-tokens\?\)/,
    ],
    ["a name of Ollama's", ["run", "deepseek-r1:1.5b", "x"], /deepseek-ai\/DeepSeek-R1-Distill-Qwen-1\.5B/],
    ["a pickle", ["run", "pytorch_model.bin", "x"], /supported are a directory with config\.json/],
    ["an unknown preset", ["zero", "--preset", "huge"], /'huge' is invalid\. Allowed choices are tiny, smoke/],
    ["a seed that is no number", ["zero", "--seed", "x"], /'x' is invalid\. Expected a whole number/],
    ["no threads", ["zero", "--threads", "0"], /from 1 to 256/],
    ["a temperature below zero", ["run", "x", "--temperature", "-1"], /Expected a number of at least 0/],
    [
      "an unknown way to show thinking",
      ["chat", "x", "--think", "maybe"],
      /'maybe' is invalid\. Allowed choices are on, fold, off/,
    ],
    [
      "an unknown section",
      ["zero", "--set", "pretrian.steps=1"],
      /unknown option "pretrian", did you mean "pretrain"\?/,
    ],
    [
      "an unknown key",
      ["zero", "--set", "pretrain.stepz=1"],
      /unknown option "pretrain\.stepz", did you mean "steps"\?/,
    ],
    [
      "an unknown key of GRPO",
      ["zero", "--set", "rl.lerningRate=1"],
      /unknown option "rl.lerningRate", did you mean "learningRate"\?/,
    ],
    [
      "an unknown key of the model",
      ["zero", "--set", "model.hiden_size=64"],
      /unknown option "model\.hiden_size", did you mean "hidden_size"\?/,
    ],
    [
      "an unknown key of the task",
      ["zero", "--set", "task.maxTargt=9"],
      /unknown option "task.maxTargt", did you mean "maxTarget"\?/,
    ],
    ["a value of the wrong kind", ["zero", "--set", "pretrain.steps=many"], /option "pretrain\.steps": .*number/],
    ["a value out of range", ["zero", "--set", "rl.temperature=-1"], /option "rl.temperature"/],
    [
      "sizes that contradict each other",
      ["zero", "--set", "model.num_experts_per_tok=99"],
      /num_experts_per_tok 99 must not exceed n_routed_experts/,
    ],
    ["a setting without a value", ["zero", "--set", "steps"], /expected key=value/],
    ["a missing config file", ["zero", "--config", "/nowhere.json"], /--config \/nowhere\.json/],
    [
      "options beside --resume",
      ["zero", "--resume", "runs/x", "--seed", "3", "--preset", "tiny"],
      /leave out --preset|leave out --seed/,
    ],
    ["a resume of nothing", ["zero", "--resume", "/nowhere"], /expected a run directory/],
    ["a model that is not there", ["run", "/nowhere", "hi"], /\/nowhere: no such directory/],
    ["pretraining on nothing", ["pretrain"], /expected either --corpus <file> or --traces <task>/],
    [
      "an unknown model preset",
      ["pretrain", "--traces", "countdown", "--model", "llama-tiy"],
      /did you mean "llama-tiny"\?/,
    ],
    ["fine-tuning on nothing", ["sft", "--model", "x"], /expected --model .* and --data/],
    ["reinforcing nothing", ["rl"], /expected the model to start from: --model/],
  ];
  test.each(cases)("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await inProcess(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    if (args.length > 0) expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
  test("a directory that is taken, whose files stay as they were", async () => {
    const { code, stdout, stderr } = await luciole(["zero", "--preset", "smoke", "--out", at("taken"), "--json"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/taken is not empty \(notes\.txt\); choose an empty or new directory with --out/);
  });
});

test("an unknown measurement is refused by the bench itself", async () => {
  const { code, stderr } = await luciole(["bench", "speeed", "--no-peers"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/unknown claim speeed: choose from .*gemm/);
});

test("the doctor tells of every part of the machine, and a mend for each that is missing", async () => {
  const { code, stdout } = await luciole(["doctor", "--json"]);
  const { healthy, findings } = JSON.parse(stdout);
  expect(findings.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["Node", "CPU", "C++ compiler", "kernels", "memory", "disk"]),
  );
  for (const { status, mend } of findings) if (status === "missing") expect(mend).toBeTruthy();
  expect(code).toBe(healthy ? 0 : 1);
});

test("the stack of an error is there for --debug", async () => {
  const plain = await luciole(["run", "/nowhere", "hi"]);
  const debugged = await luciole(["run", "/nowhere", "hi", "--debug"]);
  expect(plain.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(debugged.stderr).toMatch(/^ +at /m);
});
