// A released model with a LoRA adapter of ours, for tuned.py to hold against peft and PyTorch.
// Usage: node tuned.mjs answers MODEL ADAPTER OUT.json            greedy answers to held-out word problems
//        node tuned.mjs curve MODEL FOLDER [f32|bf16]             50 steps of fine-tuning on conversations
//        node tuned.mjs conversations OUT.jsonl                   those conversations
// MODEL is a GGUF file or a directory. README.md says what is compared.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = new URL("../../dist/src/", import.meta.url);
const load = (path) => import(fileURLToPath(new URL(path, root)));
const { openMachine } = await load("backends/machine.js");
const { storedValues, writeModelDirectory } = await load("checkpoint/index.js");
const { heldOutProblems } = await load("tasks/held-out.js");
const { createWordProblemsTask } = await load("tasks/index.js");
const { chatStyle } = await load("inference/conversation/chat-style.js");
const { fillAdapters, openAdapter } = await load("inference/opening/adapter-files.js");
const { openModelSource } = await load("inference/opening/model-source.js");
const { openModel } = await load("inference/opening/open-model.js");
const { generate } = await load("inference/runtime/generate.js");
const { createModel } = await load("models/create.js");
const { loadWeights } = await load("models/weights.js");
const { AdamW } = await load("optim/adamw.js");
const { scopeAsync } = await load("tensor/engine.js");
const { noGrad } = await load("tensor/tape.js");
const { completionLogProbs } = await load("train/completion-log-probs.js");
const { readExamples } = await load("train/example-data.js");
const { ShuffledSequences } = await load("train/shuffled-sequences.js");
const { loraSchema, trainedAdapters } = await load("train/lora-options.js");
const { modelFiles } = await load("train/snapshot.js");
const { trainStep } = await load("train/step.js");

/** Of the fine-tuning: also in the file of batches, which tuned.py reads. */
const TUNING = { steps: 50, batchSequences: 4, learningRate: 5e-4, maxNorm: 1, beta1: 0.9, beta2: 0.95, eps: 1e-8 };
const CONVERSATIONS = 300;
const PROBLEMS = 12;
const NEW_TOKENS = 64;

const [what, path, ...rest] = process.argv.slice(2);
await openMachine({});
if (what === "answers") await answers(path, ...rest);
else if (what === "curve") await curve(path, ...rest);
else if (what === "conversations") writeFileSync(path, conversations().join(""));
else throw new Error("expected: answers MODEL ADAPTER OUT.json, curve MODEL FOLDER [f32|bf16], or conversations OUT");
process.exit(0);

/**
 * Greedy answers of the tuned model with the log-probability of each token: weights decoded to f32, the adapter over
 * them, all computed in f32, which is what peft computes with.
 */
async function answers(path, adapterPath, out) {
  const [source, adapter] = [await openModelSource(path), await openAdapter(adapterPath)];
  const { config, tokenizer, stopIds } = source.facts;
  const tuned = createModel(config, { seed: null, adapters: [adapter.spec] });
  await loadWeights(tuned.parameters, (name) => storedValues(source.weights, name));
  await fillAdapters(tuned, [adapter]);
  const task = createWordProblemsTask({ steps: { 1: 1, 2: 1 } });
  const style = chatStyle(tokenizer, null);
  const prompts = heldOutProblems(task, 0, PROBLEMS).map((problem) => {
    const question = task.renderPrompt(problem, "plain");
    return { question, gold: problem.answer, ids: style.prompt([{ role: "user", content: question }]).ids };
  });
  const requests = prompts.map(({ ids }) => ({ prompt: ids, seed: 0, maxNewTokens: NEW_TOKENS }));
  const completions = await generate(tuned, requests, { temperature: 0, stopIds, tokenizer });
  const rows = [];
  for (const [i, { ids, text }] of completions.entries()) {
    const promptLength = prompts[i].ids.length;
    const targets = Int32Array.from(ids, (_, n) => promptLength + n);
    const sample = { ids: Int32Array.from([...prompts[i].ids, ...ids]), targets };
    const logProbs = await scopeAsync(async () => [
      ...(await noGrad(() => completionLogProbs(tuned, [sample], 1).logp).data()),
    ]);
    rows.push({ ...prompts[i], ids: [...sample.ids], promptLength, text, logProbs });
  }
  writeFileSync(out, JSON.stringify({ answers: rows }));
  console.log(`${rows.length} answers in ${out}, the first: ${JSON.stringify(rows[0].text)}`);
}

/**
 * Fine-tunes an adapter over the frozen model, as `luciole sft` does, on word problems with worked solutions. Leaves in
 * the folder the adapter as it was before the first step, the batches, and the loss of every step.
 */
async function curve(path, folder, compute = "f32") {
  mkdirSync(folder, { recursive: true });
  const data = join(folder, "conversations.jsonl");
  writeFileSync(data, conversations().join(""));
  const adapters = trainedAdapters(loraSchema.parse({ rank: 8 }), 0);
  const { model: tuned, tokenizer, config } = await openModel(path, { compute, adapters });
  await writeModelDirectory(join(folder, "adapter"), modelFiles(tuned, path));
  const limits = { maxTokens: config.max_position_embeddings, heldOutFraction: 0, note: () => {} };
  const columns = { promptColumn: null, completionColumn: null, messagesColumn: null, textColumn: null };
  const { train } = await readExamples([data], tokenizer, { ...columns, ...limits });
  const walk = new ShuffledSequences(train, 0);
  const { steps, batchSequences, learningRate, ...of } = TUNING;
  const optimizer = new AdamW(tuned.trainable.trained(), { ...of, weightDecay: 0 });
  const batches = Array.from({ length: steps }, (_, i) => walk.sequences(i * batchSequences, batchSequences));
  const written = batches.map((batch) => batch.map(({ ids, learnFrom = 1 }) => ({ ids: [...ids], learnFrom })));
  writeFileSync(join(folder, "batches.json"), JSON.stringify({ ...TUNING, batches: written }));
  const losses = [];
  for (const batch of batches) {
    const options = { lr: learningRate, microBatchTokens: 1024, routerBiasStep: 0 };
    losses.push((await trainStep(tuned, optimizer, batch, options)).loss);
  }
  writeFileSync(join(folder, `losses-${compute}.json`), JSON.stringify(losses));
  console.log(`${compute}: loss ${losses[0].toFixed(4)} at the first step, ${losses.at(-1).toFixed(4)} at the last`);
}

/** Word problems and their solutions, line by line. */
function conversations() {
  const task = createWordProblemsTask({ steps: { 1: 1, 2: 1 } });
  return Array.from({ length: CONVERSATIONS }, (_, i) => {
    const problem = task.generate(0, i, "train");
    const values = [];
    const lines = problem.fields.steps.map(({ reason, left, operator, right }) => {
      const [a, b] = [left, right].map((operand) => (typeof operand === "number" ? operand : values[operand.step]));
      values.push({ "+": a + b, "-": a - b, "*": a * b, "/": a / b }[operator]);
      return `${reason}: ${a} ${operator} ${b} = ${values.at(-1)}.`;
    });
    const solution = `${lines.join("\n")}\nThe answer is ${problem.answer} ${problem.fields.unit}.`;
    const messages = [
      { role: "user", content: task.renderPrompt(problem, "plain") },
      { role: "assistant", content: solution },
    ];
    return `${JSON.stringify({ messages })}\n`;
  });
}
