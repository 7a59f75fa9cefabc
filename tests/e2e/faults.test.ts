// What goes wrong on the way: each fault ends in one line that says what happened and what to try, and no good
// checkpoint is lost.
import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { verifyChecksums } from "../../src/checkpoint/index.js";
import { checkpointBytes, type Ended, luciole, settings, succeed, temporaryFolder, untimedLog } from "./command.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const LAST_STEP = 11;
const zero = (out: string, values: Record<string, unknown> = {}) => [
  ...["zero", "--preset", "smoke", "--json", "--out", at(out)],
  ...settings({ "pretrain.batchSequences": 8, ...values }),
];
// A machine that is busy with other tests takes its time.
const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });
beforeAll(() => succeed(zero("whole")), LIMIT_MS);
afterAll(() => folder.remove());

function expectOneLine({ code, stdout, stderr }: Ended, message: RegExp, exitCode = 1): void {
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: "" });
  const lines = stderr.split("\n").filter((line) => line.startsWith("error:"));
  expect(lines, stderr).toHaveLength(1);
  expect(lines[0]).toMatch(message);
}

describe("a malformed line is named by its number", () => {
  const file = (name: string, lines: readonly string[]) => {
    writeFileSync(at(name), lines.join("\n"));
    return at(name);
  };
  test.each([
    [
      "pretraining",
      () => ["pretrain", "--corpus", file("corpus.jsonl", ['{"text":"a"}', "{oops}"]), "--tokenizer", "byte"],
    ],
    [
      "fine-tuning",
      () => [
        "sft",
        "--model",
        at("whole"),
        "--data",
        file("pairs.jsonl", ['{"prompt":"1","completion":"2"}', '{"prompt":"1"']),
      ],
    ],
    [
      "reinforcement",
      () => ["rl", "--model", at("whole"), "--data", file("task.jsonl", ['{"prompt":"1","answer":"2"}', "[1]"])],
    ],
  ])("in the data of %s, and no run is begun", async (_, args) => {
    const command = args();
    expectOneLine(await luciole([...command, "--json", "--out", at("never")]), /\.jsonl:2: /);
    expect(existsSync(at("never"))).toBe(false);
  });
});

describe("numbers that are not finite", () => {
  test("stop pretraining, name what to turn, and leave the last good checkpoint", async () => {
    const run = "exploded";
    const result = await luciole(
      zero(run, {
        "pretrain.learningRate": 1e30,
        "pretrain.warmupSteps": 0,
        "pretrain.steps": 8,
        checkpointSeconds: 1e-6,
      }),
    );
    expectOneLine(
      result,
      /pretrain step \d: the (loss is not finite|gradient norm is \w+) at learning rate .*the step was not applied.*lower pretrain\.learningRate/,
    );
    const logged = untimedLog(at(run)) as { loss: number }[];
    const kept = readdirSync(at(`${run}/checkpoints`)).sort();
    expect(kept).toContain(`step-${logged.length}`);
    expect(logged.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    for (const name of kept) expect(await verifyChecksums(at(`${run}/checkpoints/${name}`))).toBeUndefined();
  });
  test("from a reward function are refused by its name", async () => {
    writeFileSync(at("nan.ts"), "export default function ratio() { return 0 / 0; }");
    const args = ["rl", "--model", at("whole"), "--reward", at("nan.ts"), "--json", "--out", at("nan")];
    const small = {
      "rl.numPrompts": 2,
      "rl.numGenerations": 2,
      "rl.maxCompletionLength": 8,
      "evaluation.problems": 2,
      "evaluation.samplesPerProblem": 1,
    };
    expectOneLine(await luciole([...args, ...settings(small)]), /reward "ratio" returned NaN for sample 0/);
  });
});

test("groups whose rewards never differ stop the run with a hint in plain words", async () => {
  writeFileSync(at("constant.ts"), "export default () => 1;");
  const small = {
    "rl.numPrompts": 2,
    "rl.numGenerations": 2,
    "rl.maxCompletionLength": 8,
    "rl.steps": 20,
    "evaluation.problems": 2,
    "evaluation.samplesPerProblem": 1,
  };
  const result = await luciole([
    "rl",
    "--model",
    at("whole"),
    "--reward",
    at("constant.ts"),
    "--json",
    "--out",
    at("flat"),
    ...settings({ ...small, "evaluation.quickProblems": 1 }),
  ]);
  expectOneLine(
    result,
    /all rewards were equal within each of 2 groups for 10 steps \(mean reward 1\.000\): .*too easy.*change the task's difficulty or the reward/,
  );
});

test(
  "a full disk is told with path and need; what was there stays, " + "and the run goes on where there is room",
  async () => {
    // A limit on file sizes stands for the disk: it needs no rights, and the system refuses the write in the same way.
    const weightsKiB = Math.ceil(statSync(at(`whole/checkpoints/step-${LAST_STEP}/model.safetensors`)).size / 1024);
    const result = await luciole(zero("full", { checkpointSeconds: 1000 }), {
      shell: `ulimit -f ${weightsKiB + 64}; "$@"`,
    });
    expectOneLine(
      result,
      /cannot write .*step-8.* \(EFBIG: .* needed, .* free\); .*Earlier checkpoints are not affected/,
    );
    expect(readdirSync(at("full/checkpoints"))).toEqual([]);
    await succeed(["zero", "--resume", at("full")]);
    expect(checkpointBytes(at("full"), LAST_STEP)).toEqual(checkpointBytes(at("whole"), LAST_STEP));
  },
);

describe("a damaged checkpoint is passed over, which is said, and the run ends in the same bits", () => {
  const newest = (run: string) => at(`${run}/checkpoints/step-${LAST_STEP}`);
  const damages: [string, (run: string) => void][] = [
    ["truncated", (run) => truncateSync(join(newest(run), "model.safetensors"), 1000)],
    ["tampered", (run) => overwrite(join(newest(run), "trainer.safetensors"))],
  ];
  test.each(damages)("%s", async (name, damage) => {
    await succeed(zero(name));
    damage(name);
    rmSync(at(`${name}/summary.json`));
    const { stderr } = await succeed(["zero", "--resume", at(name), "--json"]);
    expect(stderr).toMatch(/warning: .*step-11 is damaged \((model|trainer)\.safetensors .*\); using step-8 instead/);
    expect(checkpointBytes(at(name), LAST_STEP)).toEqual(checkpointBytes(at("whole"), LAST_STEP));
    expect(untimedLog(at(name))).toEqual(untimedLog(at("whole")));
  });
  test("and when none is sound, that is the error", async () => {
    for (const step of readdirSync(at("truncated/checkpoints")))
      overwrite(at(`truncated/checkpoints/${step}/config.json`));
    expectOneLine(
      await luciole(["run", at("truncated"), "1 2 3 = 6"]),
      /no intact checkpoint: .*restore one from a backup/,
    );
  });

  /** Changes a byte in the middle. */
  function overwrite(path: string): void {
    const middle = Math.floor(statSync(path).size / 2);
    const byte = readFileSync(path)[middle];
    const descriptor = openSync(path, "r+");
    writeSync(descriptor, Uint8Array.of(byte ^ 0x55), 0, 1, middle);
    closeSync(descriptor);
  }
});

test("memory that will not be enough is foreseen: figures, the option to lower, and no run begun", async () => {
  expectOneLine(
    await luciole(zero("huge", { "model.hidden_size": 100_000 })),
    /not enough memory: about [\d.]+ [TG]iB is needed, but only [\d.]+ GiB is free; .*weights .*lower model\.hidden_size/,
  );
  expect(existsSync(at("huge"))).toBe(false);
});

test("a model directory with a tensor missing says which", async () => {
  cpSync(at(`whole/checkpoints/step-${LAST_STEP}`), at("model"), { recursive: true });
  const config = JSON.parse(readFileSync(at("model/config.json"), "utf8"));
  writeFileSync(
    at("model/config.json"),
    JSON.stringify({ ...config, num_hidden_layers: config.num_hidden_layers + 1, num_nextn_predict_layers: 0 }),
  );
  expectOneLine(
    await luciole(["run", at("model"), "1 2 3 = 6"]),
    /weights do not fit the model: .*(missing|unexpected) model\.layers/,
  );
  rmSync(at("model/config.json"));
  expect((await luciole(["inspect", at("model")])).code).toBe(1);
});
