// Reinforcement and evaluation in an environment from the command line: turns in the records, faults in one line, and
// resume to the bit.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { checkpointBytes, luciole, settings, succeed, temporaryFolder, untimedLog } from "./command.js";
import { BYTES_REWARD, makeSmallModel, reinforce } from "./small-runs.js";

const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

/** Ends turns at letters that a model without knowledge says often; `fault` runs in the 60th. */
const environment = (fault: string) => `let calls = 0;
export default ({ words = ["yes", "no"] }: { words?: string[] }) => ({
  name: "talk",
  stops: ["a", "e", "i", "o", "n", "t", "s"],
  begin: (_: unknown, random: { pick(list: string[]): string }) => ({
    reply({ index }: { index: number }) {
      if (++calls === 60) { ${fault} }
      return index < 2 ? random.pick(words) : null;
    },
  }),
});
`;
const STEPS = 4;
const rl = (module: string, out: string, values = {}) => [
  ...reinforce(folder.path, "reward.ts", out, { "rl.steps": STEPS, "rl.maxCompletionLength": 40, ...values }),
  ...["--environment", at(module)],
];
const samplesOf = (run: string) =>
  readFileSync(at(`${run}/samples.jsonl`), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
const errorsOf = (stderr: string) => stderr.split("\n").filter((line) => line.startsWith("error:"));

beforeAll(async () => {
  await makeSmallModel(folder.path);
  writeFileSync(at("reward.ts"), BYTES_REWARD);
  writeFileSync(at("talk.ts"), environment(""));
  await succeed(rl("talk.ts", "whole"));
}, LIMIT_MS);

test("turns are in samples and report, figures in the metrics, and trainer and sampler agree to the bit", () => {
  const answered = samplesOf("whole").filter(({ turns }) => turns.length > 1);
  expect(answered.length).toBeGreaterThan(4);
  for (const { turns, completion } of answered) {
    expect(turns.map(({ from }: { from: string }) => from).slice(0, 3)).toEqual(["model", "environment", "model"]);
    expect(["yes", "no"]).toContain(turns[1].text);
    expect(completion.replaceAll("\n", "")).toContain(turns[0].text.replaceAll("\n", ""));
  }
  const steps = untimedLog(at("whole")) as Record<string, number | string>[];
  const rounds = steps.filter(({ phase }) => phase === "rl");
  expect(rounds).toHaveLength(STEPS);
  for (const round of rounds) {
    expect(round["environment/mean_turns"]).toBeGreaterThan(1);
    expect(round["trained/sampling_logp_difference/max"]).toBe(0);
  }
  expect(readFileSync(at("whole/report.html"), "utf8")).toContain('<div class="turn environment">');
});

const FAULTS: readonly [name: string, fault: string, message: RegExp][] = [
  [
    "throws",
    'throw new Error("no such word");',
    /^error: environment "talk" failed in turn \d \(".*"\) of problem ".+": no such word \(at .*throws\.ts:7:\d+\)$/,
  ],
  ["never ends", "for (;;);", /^error: environment "talk" has not settled in turn \d .* within 1 s: .*never ends/],
];
describe.each(FAULTS)("an environment that %s", (name, fault, message) => {
  const run = name.replaceAll(" ", "-");

  test("is named in one line, the round before is saved, and mended the run comes to the same bits", async () => {
    writeFileSync(at(`${run}.ts`), environment(fault));
    const { code, stdout, stderr } = await luciole(rl(`${run}.ts`, run, { "environment.timeoutSeconds": 1 }));
    expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: "" });
    expect(errorsOf(stderr)).toEqual([expect.stringMatching(message)]);
    expect(stderr).toMatch(/Step [1-3] is saved\. Fix the cause, then resume with: npx luciole rl --resume/);
    writeFileSync(at(`${run}.ts`), environment(""));
    await succeed(["rl", "--resume", at(run), "--accept-changes", "--json"]);
    expect(checkpointBytes(at(run), STEPS)).toEqual(checkpointBytes(at("whole"), STEPS));
    expect(untimedLog(at(run))).toEqual(untimedLog(at("whole")));
    expect(untimedLog(at(run), "samples.jsonl")).toEqual(untimedLog(at("whole"), "samples.jsonl"));
  });
});

describe("eval", () => {
  const evaluate = (model: string, ...args: string[]) =>
    luciole(["eval", at(model), "--problems", "1", "--samples", "3", "--json", ...args]);
  const sampled = (out: string) =>
    readFileSync(at(`${out}/sampled.jsonl`), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));

  test("of a run takes its environment with its task, and keeps the turns", async () => {
    const { code, stderr } = await evaluate("whole", "--out", at("again"));
    expect(code, stderr).toBe(0);
    const [{ turns, text }] = sampled("again");
    expect(turns.length).toBeGreaterThan(1);
    expect(text.replaceAll("\n", "")).toContain(turns[0].text.replaceAll("\n", ""));
  });

  test("of another task has none, unless it is named; options reach it", async () => {
    const task = ["--data", at("task.jsonl"), "--max-tokens", "40"];
    expect((await evaluate("whole", ...task, "--out", at("alone"))).code).toBe(0);
    expect(sampled("alone")[0].turns).toBeUndefined();
    const words = settings({ "environment.options.words": '["perhaps"]', "environment.maxTurns": 2 });
    const { code, stderr } = await evaluate(
      ...["whole", ...task, "--out", at("named"), "--environment", at("talk.ts"), ...words],
    );
    expect(code, stderr).toBe(0);
    const said = sampled("named").flatMap(({ turns }: { turns: { from: string; text: string }[] }) => turns);
    expect(said.filter(({ from }: { from: string }) => from === "environment")[0].text).toBe("perhaps");
  });

  test("by name: a game brings its problems", async () => {
    const { code, stderr, stdout } = await evaluate(
      ...["model", "--environment", "guess-the-number", "--template", "compact", "--max-tokens", "10"],
      ...settings({ "environment.options.maxWidth": 3, "environment.options.maxNumber": 9 }),
    );
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).evaluations[0].task).toBe("guess-the-number");
  });
});
