// A released model's GGUF file, opened as `luciole run` opens it, beside llama.cpp: ids of framed prompts, and greedy
// answers token by token.
// Usage: node real-model.mjs FILE.gguf [tokens] [--exact]
// README.md says where to get a file and what the figures mean. --exact: our side decodes the weights and computes in
// f32 throughout, as llama.cpp does with an f32 file.
import { fileURLToPath } from "node:url";
import { getLlama } from "node-llama-cpp";

const root = new URL("../../../dist/src/", import.meta.url);
const load = (path) => import(fileURLToPath(new URL(path, root)));
const { openGgufModel, storedValues } = await load("checkpoint/index.js");
const { chatStyle } = await load("inference/conversation/chat-style.js");
const { Engine } = await load("inference/runtime/engine.js");
const { openForInference, runnerOf } = await load("inference/opening/open-for-inference.js");
const { generate } = await load("inference/runtime/generate.js");
const { createModel } = await load("models/create.js");
const { loadWeights } = await load("models/weights.js");
const { packSequences } = await load("nn/batch.js");
const { openMachine } = await load("backends/machine.js");
const { scopeAsync } = await load("tensor/engine.js");

/**
 * Two tokens whose log-probabilities differ by less, exact (f32, nothing rounded but the stored weights) or in both
 * engines, are a near tie: the rounding of activations, which both engines do, decides between them.
 */
const TIE = 0.5;
const PROMPTS = [
  "What is the capital of France?",
  "Explain in two sentences why the sky is blue.",
  "Write a Python function that returns the n-th Fibonacci number.",
  "List five fruits, one per line.",
  "If I have 3 apples and buy 12 more, then give away 7, how many are left?",
  "Translate into German: The weather is nice today.",
  "Who wrote 'Romeo and Juliet', and in which century?",
  "Tell me a short story about a fox and a river.",
  "What does the HTTP status code 404 mean?",
  "Summarise: Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.",
];

const isExact = process.argv.includes("--exact");
const [path, count = "100"] = process.argv.slice(2).filter((each) => each !== "--exact");
const maxTokens = Number(count);
await openMachine({});
const ours = await openForInference(path, { cacheTokens: 1024 });
const engine = new Engine({ runner: runnerOf(ours), tokenizer: ours.tokenizer, maxStepTokens: ours.use.stepTokens });
const exact = await openExact();
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({ contextSize: 1024, threads: 1, flashAttention: false });
const sequence = context.getSequence();
const style = chatStyle(ours.tokenizer, ours.template);

let failures = 0;
for (const question of PROMPTS) if (!(await compare(question))) failures++;
console.log(failures === 0 ? `all ${PROMPTS.length} answers agree` : `${failures} of ${PROMPTS.length} answers differ`);
await engine.close();
await llama.dispose();
process.exit(failures > 0 ? 1 : 0);

/** The same weights decoded to f32, computed with in f32. */
async function openExact() {
  const opened = await openGgufModel(path);
  const wide = createModel(opened.config, { seed: null });
  await loadWeights(wide.parameters, (name) => storedValues(opened.weights, name));
  await opened.close();
  return wide;
}

async function compare(question) {
  const prompt = style.prompt([{ role: "user", content: question }]);
  const sameIds = prompt.ids.join() === [...model.tokenize(prompt.text, true)].join();
  const mine = await greedyHere(prompt);
  const theirs = await greedyThere(prompt.ids);
  const equal = mine.ids.findIndex((id, i) => id !== theirs[i]);
  const at = equal < 0 ? Math.min(mine.ids.length, theirs.length) : equal;
  const parts = at < Math.max(mine.ids.length, theirs.length);
  const tie = parts ? await tieAt(prompt.ids, mine, theirs, at) : null;
  const passed = sameIds && (!parts || tie.exact < TIE || (tie.here < TIE && tie.there < TIE));
  const answer = JSON.stringify(ours.tokenizer.decode(mine.ids.slice(0, 16)));
  console.log(
    `${passed ? "ok    " : "FAILED"} prompt ids ${sameIds ? "equal" : "DIFFER"}, ${at} of ` +
      `${mine.ids.length} tokens equal  ${answer}`,
  );
  if (tie) console.log(`         parts at ${tie.text}`);
  return passed;
}

async function greedyHere({ ids, startsInside }) {
  if (isExact) {
    const requests = [{ prompt: ids, seed: 0, maxNewTokens: maxTokens }];
    const { stopIds, tokenizer } = ours;
    const [completion] = await generate(exact, requests, { temperature: 0, stopIds, tokenizer });
    return { ids: [...completion.ids], top: [] };
  }
  const sampling = { temperature: 0, topLogProbs: 20 };
  const request = engine.submit({
    prompt: ids,
    form: style.form,
    maxNewTokens: maxTokens,
    sampling,
    stopIds: ours.stopIds,
    thinking: { startsInside },
  });
  const found = { ids: [], top: [] };
  for await (const event of request) {
    found.ids.push(event.id);
    found.top.push(event.top ?? []);
  }
  return found;
}

async function greedyThere(ids) {
  await sequence.clearHistory();
  const found = [];
  for await (const id of sequence.evaluate([...ids], { temperature: 0, yieldEogToken: true })) {
    found.push(id);
    if (found.length === maxTokens || model.isEogToken(id)) break;
  }
  return found;
}

/** Log-probabilities of the two tokens where the answers part, in both engines and exact. */
async function tieAt(prompt, mine, theirs, at) {
  const [a, b] = [mine.ids[at], theirs[at]];
  await sequence.clearHistory();
  const tokens = [...prompt, ...mine.ids.slice(0, at)];
  const plain = { temperature: 1, topK: 0, topP: 1, minP: 0 };
  const outputs = await sequence.controlledEvaluate(
    tokens.map((id, i) =>
      i < tokens.length - 1 ? id : [id, { generateNext: { probabilities: true, options: plain } }],
    ),
  );
  const there = (id) => Math.log(outputs[tokens.length - 1].next.probabilities.get(id) ?? Number.NaN);
  const row = await exactRow(tokens);
  const here = (id) => (isExact ? row(id) : (mine.top[at]?.find((each) => each.id === id)?.logProb ?? Number.NaN));
  const shown = (id) =>
    `${JSON.stringify(ours.tokenizer.decode([id]))} (exact ${row(id).toFixed(3)}, ours ` +
    `${here(id).toFixed(3)}, llama.cpp ${there(id).toFixed(3)})`;
  const gap = (of) => Math.abs(of(a) - of(b));
  return {
    exact: gap(row),
    here: gap(here),
    there: gap(there),
    text: `token ${at}: ours takes ${shown(a)}, llama.cpp ${shown(b)}`,
  };
}

/** Exact log-probabilities after `tokens`. */
function exactRow(tokens) {
  return scopeAsync(async () => {
    const logits = (await exact.logits(exact.forward(packSequences([tokens])).hidden).data()).subarray(
      -exact.vocabSize,
    );
    const max = logits.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
    const log = max + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - max), 0));
    return (id) => logits[id] - log;
  });
}
