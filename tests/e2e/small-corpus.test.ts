// Pretraining on little text: a person learns before and after that a model of it learns by heart.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { settings, succeed, temporaryFolder, untimedLog } from "./command.js";
import { pretrain } from "./small-runs.js";

vi.setConfig({ testTimeout: 240_000 });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

/** Ten kilobytes without repetition: what is held out cannot be told from the rest. */
const BOOK = Array.from(
  { length: 250 },
  (_, i) =>
    `${(Math.imul(i + 1, 2654435761) >>> 0).toString(36)} ${(Math.imul(i + 7, 40503) >>> 0).toString(36)} ` +
    `is line ${i}\n`,
).join("");

test(
  "epochs are stated, many are warned of, the validation loss is taken on a schedule, and its rise is " +
    "told at the end",
  async () => {
    writeFileSync(at("book.txt"), BOOK);
    const { stderr, stdout } = await succeed([
      ...pretrain(at("book.txt"), at("run"), {
        steps: 120,
        batchSequences: 32,
        validationEverySteps: 20,
        learningRate: 1e-2,
      }).filter((flag) => flag !== "--json"),
    ]);
    expect(stdout + stderr).toMatch(/corpus +[\d,]+ tokens in \d+ sequences, seen \d+(\.\d+)? times \(epochs\)/);
    expect(stderr).toMatch(
      /warning: the corpus is seen [\d.]+ times; beyond 16 epochs a model mostly overfits.*set steps=\d+/,
    );
    const validated = (untimedLog(at("run")) as { step: number; val_loss?: number }[]).filter(
      ({ val_loss }) => val_loss !== undefined,
    );
    expect(validated.map(({ step }) => step)).toEqual([20, 40, 60, 80, 100, 120]);
    expect(stdout).toMatch(
      /The validation loss was lowest at step \d+ \(\d\.\d+\) and has risen since: the model is overfitting/,
    );
  },
);

test("a corpus of a few documents holds one out, and bf16 is the type of a new run", async () => {
  writeFileSync(
    at("few.jsonl"),
    Array.from({ length: 4 }, (_, i) => `${JSON.stringify({ text: `document ${i}, of a few words` })}\n`).join(""),
  );
  const { stdout, stderr } = await succeed([
    ...pretrain(at("few.jsonl"), at("few"), { steps: 2 }),
    ...settings({ batchSequences: 2 }),
  ]);
  expect(JSON.parse(stdout).valLoss).toEqual(expect.any(Number));
  expect(stderr).toContain("(llama, bf16, vocabulary");
  expect(stderr).not.toContain("warning");
});
