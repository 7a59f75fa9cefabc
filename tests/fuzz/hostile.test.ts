// Files made to hang or to kill: each is refused in one line, within seconds and without memory beyond its size.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openGguf } from "../../src/checkpoint/gguf.js";
import { openModelDirectory, openSafetensors, readJsonObject } from "../../src/checkpoint/index.js";
import { CheckpointError, DataError } from "../../src/errors.js";
import { inspectModel } from "../../src/inference/opening/inspect-model.js";
import { openForInference } from "../../src/inference/opening/open-for-inference.js";
import { createByteTokenizer } from "../../src/tokenizer/byte-tokenizer.js";
import { ChatTemplate } from "../../src/tokenizer/chat-template.js";
import { createTokenizer } from "../../src/tokenizer/create-tokenizer.js";
import type { TokenizerJson } from "../../src/tokenizer/tokenizer.js";
import { loadTokenizer } from "../../src/tokenizer/tokenizer-files.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-hostile-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const plain = createByteTokenizer({ bos: "<bos>", eos: "<eos>" }).toJSON();
const conversation = [{ role: "user", content: "a".repeat(40) }];

/** The error that `body` ends in, its seconds and the memory it took. */
async function refusal(body: () => unknown): Promise<{ error: Error; seconds: number; bytes: number }> {
  const [startedMs, before] = [performance.now(), process.memoryUsage()];
  try {
    await body();
  } catch (error) {
    const after = process.memoryUsage();
    expect((error as Error).message).not.toMatch(/\n/);
    return { error: error as Error, seconds: (performance.now() - startedMs) / 1000, bytes: after.rss - before.rss };
  }
  throw new Error("was taken");
}

describe("expressions that backtrack without end are stopped", () => {
  const evil = { Regex: "(a+)+$" };
  const text = `${"a".repeat(50)}b`;
  test.each<[string, Partial<TokenizerJson>]>([
    [
      "in our own splitter",
      {
        pre_tokenizer: {
          type: "Sequence",
          pretokenizers: [{ type: "Split", pattern: evil, behavior: "Isolated", invert: false }, byteLevel()],
        },
      },
    ],
    ["in the library's normaliser", { normalizer: { type: "Replace", pattern: evil, content: "x" } }],
  ])("%s", async (_, parts) => {
    const tokenizer = createTokenizer({ ...plain, ...parts });
    expect([...tokenizer.encode("ab")].length).toBeGreaterThan(0);
    const { error, seconds } = await refusal(() => tokenizer.encode(text));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain("its regular expressions backtrack");
    expect(seconds).toBeLessThan(12);
  });
});

function byteLevel() {
  return { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
}

describe("parts of tokenizer.json that are not of their kind are named", () => {
  test.each<[string, unknown, string]>([
    ["null", null, "expected a JSON object as the whole"],
    [
      "merges that are no list",
      { ...plain, model: { ...plain.model, merges: { 0: 1 } } },
      "expected a list of pairs as model.merges",
    ],
    [
      "a merge that is no pair",
      { ...plain, model: { ...plain.model, merges: [{ length: 2 }] } },
      "expected a list of pairs as model.merges",
    ],
    [
      "an added id of 1e9",
      { ...plain, added_tokens: [{ id: 1e9, content: "<x>" }] },
      'whole numbers below 4194304 as the id of added token "<x>"',
    ],
    [
      "a token's id of 1e9",
      { ...plain, model: { ...plain.model, vocab: { a: 1e9 } } },
      'whole numbers below 4194304 as the id of token "a"',
    ],
  ])("%s", async (_, json, message) => {
    const { error, seconds } = await refusal(() => createTokenizer(json as TokenizerJson));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(message);
    expect(seconds).toBeLessThan(1);
  });

  test("null in a file", async () => {
    writeFileSync(join(folder, "tokenizer.json"), "null");
    expect((await refusal(() => loadTokenizer(folder))).error.message).toContain("expected a JSON object");
  });
});

test.each([
  ["ours", plain],
  ["the library", { ...plain, normalizer: { type: "Lowercase" } }],
])(
  "200,000 added tokens that begin alike are read in the time of as many others: %s",
  (_, json) => {
    const added_tokens = Array.from({ length: 200_000 }, (_each, i) => ({
      id: 300 + i,
      content: `<|t${i}|>`,
      special: true,
      normalized: false,
    }));
    const startedMs = performance.now();
    const tokenizer = createTokenizer({ ...json, added_tokens } as TokenizerJson);
    expect([...tokenizer.encode("<|t7|><|t199999|>")]).toEqual([307, 200_299]);
    // Two seconds on an idle machine; a comparison of all with all takes many minutes.
    expect(performance.now() - startedMs).toBeLessThan(60_000);
  },
  120_000,
);

describe("templates that never end, or take all memory, are stopped", () => {
  test.each([
    [
      "nested loops",
      "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor " +
        "%}{% endfor %}",
    ],
    ["a loop of a billion steps", "{% for i in range(1000000000) %}x{% endfor %}"],
    ["a loop without end", "{% for i in range(10 ** 300) %}x{% endfor %}"],
    [
      "a text that doubles",
      "{% set s = namespace(t='ab') %}{% for i in range(60) %}{% set s.t = s.t ~ s.t %}{% endfor %}{{ s.t }}",
    ],
    [
      "a list that doubles",
      "{% set s = namespace(t=[1, 2]) %}{% for i in range(60) %}{% set s.t = s.t + s.t %}{% endfor %}",
    ],
    ["an indent of half a billion", "{{ 'a\nb' | indent(500000000) }}"],
    ["a macro that calls itself", "{% macro m(x) %}{{ m(x) }}{{ m(x) }}{% endmacro %}{{ m(1) }}"],
    [
      "lists of lists as JSON",
      "{% set s = namespace(t=[1, 2]) %}{% for i in range(60) %}{% set s.t = [s.t, s.t] %}{% endfor %}{{ " +
        "s.t | tojson }}",
    ],
    ["brackets 100,000 deep", `{{ ${"(".repeat(100_000)}1${")".repeat(100_000)} }}`],
  ])("%s", async (_, template) => {
    const tokenizer = createTokenizer(plain, { chat_template: template });
    const { error, seconds, bytes } = await refusal(() =>
      ChatTemplate.of(tokenizer)?.render(conversation, { openAssistant: true }),
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(/^the model's chat template /);
    expect(seconds).toBeLessThan(20);
    expect(bytes).toBeLessThan(1.5e9);
  });
});

describe("headers and configurations that would take all memory to parse are refused before", () => {
  const header = (json: Buffer): string => {
    const path = join(folder, "evil.safetensors");
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    writeFileSync(path, Buffer.concat([length, json]));
    return path;
  };
  test.each<[string, Buffer, string]>([
    ["90 MB of brackets", Buffer.alloc(90_000_000, "["), "nested more than 100 levels deep"],
    ["30 million empty lists", Buffer.from(`{"a":[${"[],".repeat(20_000_000)}[]]}`), "holds more than 8388608 values"],
  ])("%s", async (_, json, message) => {
    const { error, seconds, bytes } = await refusal(() => openSafetensors(header(json)));
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toContain(message);
    expect(seconds).toBeLessThan(4);
    expect(bytes).toBeLessThan(3 * json.length + 64e6);
  });

  test("JSON nested 100,000 deep", async () => {
    const path = join(folder, "deep.json");
    writeFileSync(path, `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
    expect((await refusal(() => readJsonObject(path))).error).toEqual(
      new CheckpointError(`${path}: expected a JSON file, got: it is nested more than 100 levels deep`),
    );
  });
});

describe("what is no regular file is refused at once", () => {
  const place = (name: string, make: (path: string) => void): string => {
    const own = join(folder, name);
    mkdirSync(own);
    for (const file of ["config.json", "model.safetensors", "tokenizer.json", "model.gguf"]) make(join(own, file));
    return own;
  };
  test.each<[string, (path: string) => void]>([
    ["a pipe", (path) => execFileSync("mkfifo", [path])],
    ["/dev/zero", (path) => symlinkSync("/dev/zero", path)],
    ["a directory", (path) => mkdirSync(path)],
  ])("%s", async (kind, make) => {
    const own = place(kind.replaceAll("/", "-"), make);
    for (const body of [
      () => readJsonObject(join(own, "config.json")),
      () => openModelDirectory(own),
      () => openSafetensors(join(own, "model.safetensors")),
      () => openGguf(join(own, "model.gguf")),
      () => loadTokenizer(own),
      ...(kind === "a directory"
        ? []
        : [() => openForInference(join(own, "model.gguf")), () => inspectModel(join(own, "model.gguf"))]),
    ]) {
      const { error, seconds } = await refusal(body);
      expect(error.message).toContain("expected a regular file, got");
      expect(seconds).toBeLessThan(1);
    }
  });
});
