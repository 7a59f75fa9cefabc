// 122,000 damaged files: each is taken or refused with a CheckpointError or ConfigError, within a second and without
// memory beyond its size. Everything follows from the seeds; a failure names the number that makes its file again.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convertToGguf } from "../../src/checkpoint/convert-model.js";
import { ggufLayout } from "../../src/checkpoint/gguf-layout.js";
import { openGgufModel } from "../../src/checkpoint/gguf-model.js";
import { ggufVocabulary } from "../../src/checkpoint/gguf-vocabulary.js";
import {
  type FileSystem,
  openModelDirectory,
  openSafetensors,
  openShardedSafetensors,
  readJsonObject,
  type TensorSource,
} from "../../src/checkpoint/index.js";
import { memoryFiles } from "../../src/checkpoint/memory-files.fixture.js";
import { CheckpointError, ConfigError, DataError } from "../../src/errors.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import { createByteTokenizer } from "../../src/tokenizer/byte-tokenizer.js";
import { ChatTemplate } from "../../src/tokenizer/chat-template.js";
import { createTokenizer } from "../../src/tokenizer/create-tokenizer.js";
import { ggufTokenizer } from "../../src/tokenizer/gguf-tokenizer.js";
import type { TokenizerConfigJson, TokenizerJson } from "../../src/tokenizer/tokenizer.js";
import { goldenPath } from "../parity/golden-case.js";
import { Draw, mutateBytes, mutateJson, mutateText } from "./mutations.js";

const MAX_SECONDS = 1;
const SPARE_BYTES = 64 * 1024 * 1024;
/** More of everything by the factor LUCIOLE_FUZZ. */
const times = (count: number): number => count * Number(process.env.LUCIOLE_FUZZ ?? 1);
const CASES = ["deepseek-v3-mtp-post-norm", "deepseek-v2-greedy-yarn", "llama-llama3-rope", "qwen2-untied"];
const tokenizer = createByteTokenizer({ bos: "<bos>", eos: "<eos>", tags: ["<think>"] }).toJSON();

let directory: string;
let ggufFiles: Uint8Array[];
let safetensors: Uint8Array;
let configs: unknown[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "luciole-fuzz-"));
  ggufFiles = [];
  configs = [];
  for (const name of CASES) ggufFiles.push(await convertedCase(name));
  for (const name of CASES) configs.push(JSON.parse(await readFile(goldenPath(`cases/${name}/config.json`), "utf8")));
  safetensors = await readFile(goldenPath(`cases/${CASES[0]}/model.safetensors`));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Single characters, and for one of the cases pieces in SentencePiece's way with bytes and scores. */
function vocabularyOf(name: string, size: number): TokenizerJson {
  const letters = Array.from({ length: size }, (_, i) => String.fromCharCode(48 + i));
  const pieces = name === CASES[2] ? ["<unk>", "01", "12", "012", "<0x0A>"] : [];
  const vocab = Object.fromEntries([...letters.slice(0, size - pieces.length), ...pieces].map((text, i) => [text, i]));
  if (pieces.length === 0) return { pre_tokenizer: null, model: { type: "BPE", vocab, merges: [] } };
  const normalizer = { type: "Replace", pattern: { String: " " }, content: "\u2581" };
  const merges = ["0 1", "1 2", "0 12", "01 2"];
  return { normalizer, model: { type: "BPE", unk_token: "<unk>", byte_fallback: true, vocab, merges } };
}

async function convertedCase(name: string): Promise<Uint8Array> {
  const { config, weights, close } = await openModelDirectory(goldenPath(`cases/${name}`));
  const path = join(directory, `${name}.gguf`);
  const parsed = parseHfConfig(config);
  await convertToGguf(
    path,
    { config: parsed, weights },
    "f32",
    ggufVocabulary(
      { tokenizer: vocabularyOf(name, parsed.vocab_size), config: {} },
      { bos: 0, eos: 1 },
      parsed.vocab_size,
    ),
  );
  await close();
  return readFile(path);
}

/** Memory in use, of JavaScript and beside it. (`process.memoryUsage` asks the system, which takes as long as a file.) */
function usedBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

/** Processor seconds of a function: other programs on the machine are not what is measured. */
async function processorSeconds(work: () => Promise<unknown>): Promise<number> {
  const started = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1e6;
}

/**
 * Opens `count` damaged files, each made by `damage` from its own number, and holds every one to the bounds. Gives how
 * many were taken.
 */
async function fuzz(
  firstSeed: number,
  count: number,
  damage: (draw: Draw) => Readonly<Record<string, Uint8Array>>,
  open: (fs: FileSystem) => Promise<void>,
  refusals: readonly (new (message: string) => Error)[] = [CheckpointError, ConfigError],
): Promise<number> {
  let taken = 0;
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const files = damage(new Draw(seed));
    const sizeBytes = Object.values(files).reduce((sum, bytes) => sum + bytes.length, 0);
    const attempt = () =>
      open(memoryFiles(files).fs).then(
        () => undefined,
        (error: unknown) => error,
      );
    const before = usedBytes();
    const started = performance.now();
    const failure = await attempt();
    const isSlow = performance.now() - started > MAX_SECONDS * 1000;
    const grown = usedBytes() - before;
    if (failure === undefined) taken++;
    else if (!refusals.some((kind) => failure instanceof kind))
      throw new Error(`seed ${seed}: not refused in words`, { cause: failure });
    else if (/\n/.test((failure as Error).message))
      throw new Error(`seed ${seed}: refused in more than one line`, { cause: failure });
    // The clock counts other programs too; what it finds slow is opened again on the processor's time.
    if (isSlow && (await processorSeconds(attempt)) > MAX_SECONDS)
      throw new Error(`seed ${seed} takes more than ${MAX_SECONDS} s`);
    if (grown > sizeBytes + SPARE_BYTES) throw new Error(`seed ${seed} took ${grown} bytes for a file of ${sizeBytes}`);
  }
  return taken;
}

/** Asks for all there is to know of every tensor, and reads the small ones. */
async function look(source: TensorSource): Promise<void> {
  for (const name of source.names) {
    const { sizeBytes } = source.info(name);
    source.placement(name);
    if (sizeBytes <= 4096) await source.read(name);
  }
}

describe("a damaged file is taken or refused in words:", () => {
  test.each([0, 1])("safetensors headers (%i)", async (part) => {
    const headerBytes = 8 + Number(Buffer.from(safetensors).readBigUInt64LE());
    const taken = await fuzz(
      1_000_000 + part * 20_000,
      times(8_000),
      (draw) => ({ "model.safetensors": mutateBytes(safetensors, headerBytes, draw) }),
      async (fs) => {
        const source = await openSafetensors("model.safetensors", fs);
        if (source.names.length % 16 === 0) await look(source);
        else source.placement(source.names[0]);
      },
    );
    expect(taken).toBeGreaterThan(0);
  });

  test.each(CASES.map((name, i) => [name, i] as const))("GGUF headers of %s", async (_name, i) => {
    const whole = ggufFiles[i];
    const headerBytes = whole.indexOf(0, Buffer.from(whole).lastIndexOf(".weight"));
    const taken = await fuzz(
      2_000_000 + i * 12_500,
      times(5_000),
      (draw) => ({ x: mutateBytes(whole, headerBytes + 40, draw) }),
      async (fs) => {
        const { weights, file } = await openGgufModel("x", fs);
        if (file.version === 2) await look(weights);
        ggufTokenizer(file.facts, "x");
      },
      [CheckpointError, ConfigError, DataError],
    );
    expect(taken).toBeGreaterThan(0);
  });

  test("config.json", async () => {
    const taken = await fuzz(
      3_000_000,
      times(5_000),
      (draw) => ({
        "config.json": Buffer.from(mutateText(JSON.stringify(mutateJson(draw.of(configs), draw)) ?? "", draw)),
      }),
      async (fs) => void ggufLayout(parseHfConfig(await readJsonObject("config.json", fs))),
    );
    expect(taken).toBeGreaterThan(times(417));
  });

  test("model.safetensors.index.json", async () => {
    const names = ["lm_head.weight", "model.norm.weight", "model.embed_tokens.weight"];
    const index = {
      metadata: { total_size: 1 },
      weight_map: Object.fromEntries(names.map((name) => [name, "model-00001-of-00001.safetensors"])),
    };
    const taken = await fuzz(
      4_000_000,
      times(2_500),
      (draw) => ({
        "d/model.safetensors.index.json": Buffer.from(mutateText(JSON.stringify(mutateJson(index, draw)) ?? "", draw)),
        "d/model-00001-of-00001.safetensors": safetensors,
      }),
      async (fs) => {
        const source = await openShardedSafetensors("d/model.safetensors.index.json", fs);
        for (const name of source.names) source.placement(name);
      },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test("chat templates", async () => {
    const names = (await readdir(goldenPath("templates"))).filter((name) => name.endsWith(".jinja"));
    const templates = await Promise.all(names.map((name) => readFile(goldenPath(`templates/${name}`), "utf8")));
    const messages = [
      { role: "user", content: "a" },
      { role: "assistant", content: "<think>b</think>c" },
      { role: "user", content: "d" },
    ];
    const taken = await fuzz(
      6_000_000,
      times(2_500),
      (draw) => {
        const template = draw.of(templates);
        return { "chat_template.jinja": mutateBytes(Buffer.from(template), template.length, draw) };
      },
      async (fs) => {
        const template = (await fs.readFile("chat_template.jinja")).toString("utf8");
        ChatTemplate.of(createTokenizer(tokenizer, { chat_template: template }))?.render(messages, {
          openAssistant: true,
        });
      },
      [DataError],
    );
    expect(taken).toBeGreaterThan(times(125));
  });

  test("tokenizer.json and tokenizer_config.json", async () => {
    const config = {
      bos_token: "<bos>",
      eos_token: { content: "<eos>" },
      add_bos_token: true,
      chat_template: [{ name: "default", template: "x" }],
    };
    const taken = await fuzz(
      5_000_000,
      times(3_000),
      (draw) => ({
        "tokenizer.json": Buffer.from(JSON.stringify(draw.below(2) ? tokenizer : mutateJson(tokenizer, draw)) ?? ""),
        "tokenizer_config.json": Buffer.from(mutateText(JSON.stringify(mutateJson(config, draw)) ?? "", draw)),
      }),
      async (fs) => {
        const json = (await readJsonObject("tokenizer.json", fs)) as never as TokenizerJson;
        const settings = (await readJsonObject("tokenizer_config.json", fs)) as TokenizerConfigJson;
        ggufVocabulary({ tokenizer: json, config: settings }, {}, 300);
        createTokenizer(json, settings).encode("a <think> b");
      },
      [CheckpointError, ConfigError, DataError],
    );
    expect(taken).toBeGreaterThan(100);
  });
});
