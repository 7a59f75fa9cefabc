// The same GGUF file in llama.cpp and here: log-probabilities of a prompt, a greedy continuation, token ids. README.md
// says what the figures mean.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { getLlama } from "node-llama-cpp";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const load = (path) => import(join(root, "dist/src", path));
const { convertToGguf, openGgufModel, openModelDirectory, openSafetensors, storedValues } =
  await load("checkpoint/index.js");
const { ggufDifferences } = await load("checkpoint/gguf-config.js");
const { ggufVocabulary } = await load("checkpoint/gguf-vocabulary.js");
const { ggufExtras, openConvertible } = await load("library/convert-source.js");
const { generate } = await load("inference/runtime/generate.js");
const { createModel } = await load("models/create.js");
const { parseHfConfig } = await load("models/hf-config.js");
const { loadWeights } = await load("models/weights.js");
const { packSequences } = await load("nn/batch.js");
const { openMachine } = await load("backends/machine.js");
const { scopeAsync } = await load("tensor/engine.js");
const { createTokenizer } = await load("tokenizer/create-tokenizer.js").catch(() => ({}));
const { createLibraryTokenizer } = await load("tokenizer/library-tokenizer.js");

/**
 * Mean |Δ log p| that the engines' rounding explains, in units of the log-probabilities' spread where that is above 1.
 * The largest difference is shown and not judged: where a router's choice is a near tie, rounding sends a token to
 * another expert. Ten times this is the gap within which two tokens count as equally likely.
 */
const TOLERANCES = { f32: 0.002, f16: 0.003, bf16: 0.01, q8_0: 0.03, q4_0: 0.03, q4_k: 0.05 };
const NUM_NEW = 24;
const SAMPLE_TEXT = "The quick brown fox, 12 34567 jumps\n\n over: façade 中文 don't stop.";

/** Golden models whose file llama.cpp does not load, and why. */
const NOT_LOADED = {
  "deepseek-v3-biases": "llama.cpp's deepseek2 has no biases",
  "qwen3-window": "llama.cpp's qwen3 has no bias on the output of attention",
};

const args = process.argv.slice(2);
const typesAt = args.indexOf("--types");
const types = (typesAt < 0 ? "f32,q8_0" : args.splice(typesAt, 2)[1]).split(",");
const models = args.length > 0 ? args.map((path) => resolve(path)) : await goldenCases();

const folder = await mkdtemp(join(tmpdir(), "luciole-llama-cpp-"));
await openMachine({});
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
let failures = 0;
try {
  console.log(
    [
      "model".padEnd(32),
      "type".padEnd(6),
      "|Δ log p| max".padStart(14),
      "mean".padStart(9),
      "greedy".padStart(8),
      "  tokens",
    ].join(""),
  );
  for (const model of models) {
    for (const type of model.endsWith(".gguf") ? ["as is"] : types) if (!(await compare(model, type))) failures++;
  }
} finally {
  await rm(folder, { recursive: true });
  await llama.dispose();
}
process.exitCode = failures > 0 ? 1 : 0;

async function goldenCases() {
  const cases = join(root, "tests/golden/cases");
  return (await readdir(cases)).map((name) => join(cases, name));
}

async function compare(path, type) {
  const skip = (why) => console.log(`${basename(path).padEnd(32)}${type.padEnd(6)}  ${why}`);
  const prepared = await prepare(path, type).catch((error) => ({ refused: error.message }));
  const { file, prompt, tokenizer, numNew, refused } = prepared;
  if (refused) {
    skip(refused);
    return refused.includes("cannot be written as GGUF");
  }
  const notLoaded = NOT_LOADED[basename(path)];
  if (notLoaded) {
    skip(notLoaded);
    return runTheirs(file, prompt, null, 0).then(
      () => false,
      () => true,
    );
  }
  const ours = await runOurs(file, prompt, numNew);
  const theirs = await runTheirs(file, prompt, tokenizer, numNew);
  const tolerance = TOLERANCES[type] ?? 0.03;
  const [max, mean] = difference(ours.logProbs, theirs.logProbs);
  const equal = ours.greedy.findIndex((id, i) => id !== theirs.greedy[i]);
  const numEqual = equal < 0 ? ours.greedy.length : equal;
  const isTie = equal >= 0 && ours.gaps[equal] < 10 * tolerance;
  const tokens = tokenizer ? (ours.tokenize(tokenizer).join() === theirs.tokens.join() ? "equal" : "DIFFER") : "–";
  const passed = mean / Math.max(1, spread(ours.logProbs)) < tolerance && (equal < 0 || isTie) && tokens !== "DIFFER";
  const cells = [
    basename(path).padEnd(32),
    type.padEnd(6),
    max.toFixed(5).padStart(14),
    mean.toFixed(5).padStart(9),
    `${numEqual}/${numNew}${isTie ? "~" : ""}`.padStart(8),
  ];
  console.log(`${cells.join("")}  ${tokens}${passed ? "" : "  FAILED"}`);
  return passed;
}

/** The GGUF file, prompt ids and, for a model with a tokenizer of its own, that. */
async function prepare(path, type) {
  const file = path.endsWith(".gguf") ? path : join(folder, `${basename(path)}-${type}.gguf`);
  if (path.startsWith(join(root, "tests/golden"))) {
    const { config, weights, close } = await openModelDirectory(path);
    const parsed = parseHfConfig(config);
    await convertToGguf(file, { config: parsed, weights }, type, alphabet(parsed.vocab_size)).finally(close);
    // Where llama.cpp knows no sliding windows, it must agree within the window.
    const isCut = ggufDifferences(parsed).some((difference) => difference.includes("sliding window"));
    const [prompt, visible] = [await goldenPrompt(path), isCut ? parsed.sliding_window : Number.POSITIVE_INFINITY];
    return { file, prompt: prompt.slice(0, visible), numNew: Math.min(NUM_NEW, Math.max(0, visible - prompt.length)) };
  }
  const model = await openConvertible(path);
  if (file !== path) await convertToGguf(file, model, type, ggufExtras(model));
  await model.close();
  const numNew = NUM_NEW;
  if (!model.files["tokenizer.json"])
    return { file, numNew, prompt: Array.from({ length: 32 }, (_, i) => (i * 37 + 5) % model.config.vocab_size) };
  const tokenizer = JSON.parse(model.files["tokenizer.json"]);
  return { file, prompt: [...encoderOf(tokenizer)(SAMPLE_TEXT)], tokenizer, numNew };
}

/** Golden models have no tokenizer: letters stand for their ids. */
function alphabet(size) {
  const vocab = Object.fromEntries(Array.from({ length: size }, (_, i) => [String.fromCharCode(48 + i), i]));
  return ggufVocabulary(
    { tokenizer: { pre_tokenizer: null, model: { type: "BPE", vocab, merges: [] } }, config: {} },
    { bos: 0, eos: 1 },
    size,
  );
}

async function goldenPrompt(path) {
  const source = await openSafetensors(join(path, "golden.safetensors"));
  const [ids, starts] = await Promise.all(
    ["input_ids", "cu_seqlens"].map(async (name) => new Int32Array((await source.read(name)).data.buffer)),
  );
  await source.close();
  return [...ids.subarray(starts[0], starts[1])];
}

function encoderOf(tokenizer) {
  const made = createTokenizer ? createTokenizer(tokenizer, {}) : createLibraryTokenizer(tokenizer, {});
  return (text) => made.encode(text);
}

async function runOurs(file, prompt, numNew) {
  const opened = await openGgufModel(file);
  const model = createModel(opened.config, { seed: null });
  await loadWeights(model.parameters, (name) => storedValues(opened.weights, name));
  await opened.close();
  const [{ ids }] =
    numNew === 0
      ? [{ ids: [] }]
      : await generate(model, [{ prompt, seed: 0, maxNewTokens: numNew }], { temperature: 0, stopIds: [] });
  const rows = await logProbsOf(model, [...prompt, ...ids]);
  model.dispose();
  const gaps = Array.from(ids, (_, i) => gap(rows[prompt.length - 1 + i]));
  return {
    greedy: [...ids],
    logProbs: rows.slice(0, prompt.length),
    gaps,
    tokenize: (tokenizer) => [...encoderOf(tokenizer)(SAMPLE_TEXT)],
  };
}

function logProbsOf(model, ids) {
  return scopeAsync(async () => {
    const logits = await model.logits(model.forward(packSequences([ids])).hidden).data();
    return ids.map((_, i) => logSoftmax(logits.subarray(i * model.vocabSize, (i + 1) * model.vocabSize)));
  });
}

function logSoftmax(row) {
  const max = row.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
  const log = max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0));
  return row.map((x) => x - log);
}

/** Mean over positions of the standard deviation of log-probabilities. */
function spread(rows) {
  const deviation = (row) => {
    const mean = row.reduce((sum, x) => sum + x, 0) / row.length;
    return Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / row.length);
  };
  return rows.reduce((sum, row) => sum + deviation(row), 0) / rows.length;
}

function gap(row) {
  const [first, second] = [...row].sort((a, b) => b - a);
  return first - second;
}

async function runTheirs(file, prompt, tokenizer, numNew) {
  const model = await llama.loadModel({ modelPath: file });
  const context = await model.createContext({ contextSize: 256, flashAttention: false });
  const sequence = context.getSequence();
  const plain = { temperature: 1, topK: 0, topP: 1, minP: 0 };
  const outputs = await sequence.controlledEvaluate(
    prompt.map((id) => [id, { generateNext: { probabilities: true, options: plain } }]),
  );
  await sequence.clearHistory();
  const greedy = [];
  for await (const id of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    if (greedy.length === numNew) break;
    greedy.push(id);
  }
  const tokens = tokenizer ? model.tokenize(SAMPLE_TEXT, true) : [];
  await context.dispose();
  await model.dispose();
  return { logProbs: outputs.map(({ next }) => next.probabilities), greedy, tokens: [...tokens] };
}

/** Largest and mean difference of log-probabilities; ours are rows of numbers, theirs maps from id to probability. */
function difference(ours, theirs) {
  let [max, sum, count] = [0, 0, 0];
  ours.forEach((row, i) => {
    row.forEach((logProb, id) => {
      const probability = theirs[i].get(id);
      // What rounds to 0 as a float has no logarithm to compare.
      if (!probability) return;
      const off = Math.abs(Math.log(probability) - logProb);
      max = Math.max(max, off);
      sum += off;
      count++;
    });
  });
  return [max, sum / count];
}
