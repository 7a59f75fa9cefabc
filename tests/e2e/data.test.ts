// Data as people have it, from outside: the same rows in any format teach the same, files larger than the memory are
// trained on, their tokens are kept, and a bad row ends a verb in one line.

import { once } from "node:events";
import {
  createWriteStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readAllRows } from "../../src/data/index.js";
import { luciole, root, settings, start, succeed, temporaryFolder } from "./command.js";
import { makeSmallModel, pretrain } from "./small-runs.js";

vi.setConfig({ testTimeout: 300_000 });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const fixture = (name: string) => join(root, "tests", "golden", "data", name);
beforeAll(() => makeSmallModel(folder.path), 300_000);
afterAll(() => folder.remove());

const sft = (data: readonly string[], out: string, values: Readonly<Record<string, unknown>> = {}): string[] => [
  ...["sft", "--model", at("model"), "--json", "--out", at(out), ...data.flatMap((name) => ["--data", name])],
  ...settings({ steps: 2, batchSequences: 4, validationFraction: 0.2, ...values }),
];
const lossOf = ({ stdout }: { readonly stdout: string }): number => JSON.parse(stdout).loss;

test("the same rows as Parquet, JSONL, JSON, packed CSV, or in several files, are learnt alike", async () => {
  const rows = (await readAllRows([fixture("row-groups.parquet")])).map(({ row }) => row);
  const lines = (some: readonly object[]) => some.map((row) => `${JSON.stringify(row)}\n`).join("");
  writeFileSync(at("rows.jsonl"), lines(rows));
  writeFileSync(at("rows.json"), JSON.stringify(rows, null, 1));
  writeFileSync(
    at("rows.csv.gz"),
    gzipSync(`q;a\r\n${rows.map(({ prompt, answer }) => `${prompt};${answer}\r\n`).join("")}`),
  );
  mkdirSync(at("parts"));
  writeFileSync(at("parts/a.jsonl"), lines(rows.slice(0, 20)));
  writeFileSync(at("parts/b.jsonl"), lines(rows.slice(20)));
  const losses: number[] = [];
  for (const [out, data, values] of [
    ["parquet", [fixture("row-groups.parquet")], {}],
    ["jsonl", [at("rows.jsonl")], {}],
    ["json", [at("rows.json")], {}],
    ["csv", [at("rows.csv.gz")], { promptColumn: "q", completionColumn: "a" }],
    ["folder", [at("parts")], {}],
    ["pattern", [at("parts/[a]*.jsonl"), at("parts/b.jsonl")], {}],
  ] as const)
    losses.push(lossOf(await succeed(sft(data, out, values))));
  expect(losses).toEqual(losses.map(() => losses[0]));
  expect(losses[0]).toBeGreaterThan(0);
  const config = JSON.parse(readFileSync(at("folder/config.json"), "utf8"));
  expect(config.options.source.data).toEqual([at("parts/a.jsonl"), at("parts/b.jsonl")]);
  expect(Object.keys(config.fingerprints)).toEqual(config.options.source.data);
});

test("eval and rl read questions from CSV, and a pulled data set by its name", async () => {
  const commit = "a".repeat(40);
  const snapshot = at(`hub/datasets--org--sums/snapshots/${commit}`);
  mkdirSync(join(snapshot, "main"), { recursive: true });
  mkdirSync(at("hub/datasets--org--sums/refs"));
  writeFileSync(at("hub/datasets--org--sums/refs/main"), commit);
  const rows = (from: number) => Array.from({ length: 6 }, (_, i) => `${from + i} + 1?,${from + i + 1}\n`).join("");
  for (const [name, from] of [
    ["train", 0],
    ["test", 20],
  ] as const)
    writeFileSync(join(snapshot, "main", `${name}.csv`), `question,answer\n${rows(from)}`);
  const env = { HF_HUB_CACHE: at("hub") };
  const evaluate = (name: string) =>
    start(
      [
        ...["eval", at("model"), "--data", name, "--problems", "all", "--samples", "1", "--max-tokens", "2", "--json"],
        ...["--template", "plain", "--set", "heldOutFraction=1"],
      ],
      { env },
    ).ended;
  for (const name of ["org/sums:main/test", "org/sums", join(snapshot, "main", "test.csv")]) {
    const { code, stdout, stderr } = await evaluate(name);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("warning")]);
    expect(JSON.parse(stdout).evaluations).toMatchObject([{ task: "data", problems: 6 }]);
  }
  const refused = await evaluate("org/none:test");
  expect(refused.stderr).toMatch(
    /^error: org\/none:test: no such file and no such pulled data set; pull it with: .*org\/none:test\n$/,
  );
});

describe("a file several times larger than the memory", () => {
  const NUM_ROWS = 60_000;
  const HEAP_MB = 48;
  /** Ninety megabytes of pairs. */
  async function writeLarge(path: string): Promise<void> {
    const stream = createWriteStream(path);
    const filler = "the quick brown fox jumps over it ".repeat(44);
    for (let i = 0; i < NUM_ROWS; i++) {
      const row = `${JSON.stringify({ prompt: `${i}?`, completion: `${i % 7}!`, text: `${i} ${filler}` })}\n`;
      if (!stream.write(row)) await once(stream, "drain");
    }
    stream.end();
    await once(stream, "close");
  }
  const env = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`, XDG_CACHE_HOME: "" };
  const run = (args: readonly string[]) => start(args, { env: { ...env, XDG_CACHE_HOME: at("cache") } }).ended;

  test("is trained on, its tokens are kept, and damaged ones are made again", async () => {
    await writeLarge(at("large.jsonl"));
    expect(statSync(at("large.jsonl")).size).toBeGreaterThan(1.5 * HEAP_MB * 2 ** 20);
    const first = await run(sft([at("large.jsonl")], "large-1"));
    expect([first.code, first.stderr]).toEqual([0, expect.stringMatching(/tokens kept in .*tokens\/[0-9a-f]{32} for/)]);
    const second = await run(sft([at("large.jsonl")], "large-2"));
    expect(second.stderr).toMatch(/tokens taken from /);
    expect(lossOf(first)).toBeGreaterThan(0);
    expect(lossOf(second)).toBe(lossOf(first));
    const [kept] = readdirSync(at("cache/luciole/tokens"));
    truncateSync(at(`cache/luciole/tokens/${kept}/train.tokens`), 1000);
    const third = await run(sft([at("large.jsonl")], "large-3"));
    expect(third.stderr).toMatch(/the tokens in .* are damaged \(.*train\.tokens has changed\); making them again/);
    expect(lossOf(third)).toBe(lossOf(first));
  });

  test("is a corpus to train on, in tokens that take more memory than there is", async () => {
    const { code, stderr } = await run(pretrain(at("large.jsonl"), at("corpus"), { steps: 2 }));
    expect([code, stderr]).toEqual([0, expect.stringMatching(/corpus +8\d,\d+,\d+ tokens in 9\d\d,\d+ sequences/)]);
    const next = await run(pretrain(at("large.jsonl"), at("corpus-2"), { steps: 2 }));
    expect(next.stderr).toMatch(/tokens taken from /);
    expect(lossOf(next)).toBeGreaterThan(0);
  });
});

test.each([
  [
    "a column of the wrong type",
    '{"prompt":"a","completion":"b"}\n{"prompt":{"a":1},"completion":"b"}\n',
    /bad\.jsonl:2: column "prompt" must be a text or a number, got an object: \{"a":1\}/,
  ],
  [
    "a row without columns",
    '{"prompt":"a","completion":"b"}\n{"prompt":"a"}\n',
    /bad\.jsonl:2: expected messages, or prompt and completion, or text; the row has: prompt/,
  ],
])("%s is refused in one line, and no run is left", async (_, content, message) => {
  writeFileSync(at("bad.jsonl"), content);
  const ended = await luciole(sft([at("bad.jsonl")], "refused"));
  expect(ended.code).toBeGreaterThan(0);
  expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(ended.stderr).toMatch(message);
  expect(readdirSync(folder.path)).not.toContain("refused");
});

test("a bad row beside a run that is there already is told without that run", async () => {
  writeFileSync(at("bad.jsonl"), '{"prompt":"a"}\n');
  const { code, stderr } = await luciole(sft([at("bad.jsonl")], "model"));
  expect(code).toBeGreaterThan(0);
  expect(stderr.trimEnd().split("\n")).toEqual([expect.stringMatching(/bad\.jsonl:1: expected messages/)]);
});

test.each([
  [
    "an object for a text",
    { promptColumn: "struct", completionColumn: "large" },
    /kinds\.parquet: row 1: column "struct" must be a text or a number, got an object: \{"a":1,/,
  ],
  [
    "numbers for messages",
    { messagesColumn: "list" },
    /kinds\.parquet: row 1: column "list": every message needs a role and a content, both texts, got 1/,
  ],
])("a Parquet column with %s is refused in one line that names the row", async (_, columns, message) => {
  const { code, stderr } = await luciole(sft([fixture("kinds.parquet")], "refused", columns));
  expect(code).toBeGreaterThan(0);
  expect(stderr.trimEnd().split("\n")).toEqual([expect.stringMatching(message)]);
  expect(readdirSync(folder.path)).not.toContain("refused");
});
