// Your own task in one file: questions from own-task.jsonl, a reward written here, GRPO on a model of yours (or a
// newborn one).
// Run it after `npm run build`:  node dist/examples/own-reward.js [run or model directory] [steps]
import { fileURLToPath } from "node:url";
import { createByteTokenizer, createModel, MODEL_PRESETS, openMachine, openModel, parseHfConfig } from "luciole";
import { readAllRows } from "luciole/data";
import { accuracyReward, createDataTask, GrpoTrainer, parseGrpoOptions, type RewardSample } from "luciole/rl";

const data = new URL("examples/own-task.jsonl", import.meta.resolve("luciole/package.json"));
const task = createDataTask(await readAllRows([fileURLToPath(data)]), { heldOutFraction: 0.2 });

/** Half a point for answering in digits and half for naming the unit, which is a column of the data. */
function looksLikeAQuantity({ completion, columns, log }: RewardSample): number {
  const digits = (completion.match(/\d/g) ?? []).length / Math.max(1, completion.length);
  log("digit_share", digits);
  return 0.5 * digits + (completion.trimEnd().endsWith(String(columns.unit)) ? 0.5 : 0);
}

function newborn() {
  const tokenizer = createByteTokenizer({ bos: "<bos>", eos: "<eos>" });
  const config = parseHfConfig({
    ...MODEL_PRESETS["deepseek-tiny"],
    num_hidden_layers: 2,
    vocab_size: tokenizer.vocabSize,
  });
  return { model: createModel(config, { seed: 1 }), tokenizer, stopIds: [tokenizer.eosId as number] };
}

await openMachine();
const [directory, steps = "8"] = process.argv.slice(2);
const policy = { template: "plain" as const, ...(directory ? await openModel(directory) : newborn()) };
const options = parseGrpoOptions({
  steps: Number(steps),
  numPrompts: 8,
  numGenerations: 16,
  maxCompletionLength: 16,
  learningRate: directory ? 1e-5 : 3e-3,
});
const trainer = new GrpoTrainer(
  { ...policy, template: policy.template ?? "plain" },
  task,
  [looksLikeAQuantity, accuracyReward(task)],
  options,
  0,
);
while (trainer.state.step < options.steps) {
  const { metrics } = await trainer.runStep();
  console.log(
    `step ${trainer.state.step}: reward ${metrics.reward.toFixed(3)}, digits ${(100 * metrics.digit_share).toFixed(0)}%`,
  );
}
