// A tiny chat model for tests: taught through the command line to think before it answers, in R1's published template.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, settings, succeed } from "./command.js";

const SHAPE = {
  model_type: "llama",
  hidden_size: 48,
  num_hidden_layers: 2,
  intermediate_size: 96,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 1024,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: false,
  initializer_range: 0.05,
};
const user = (content: string) => ({ role: "user", content });
const taught = (thinking: string, answer: string) => ({
  role: "assistant",
  content: `${thinking}\n</think>\n\n${answer}`,
});
const FIRST = [user("What is 7*8?"), taught("7*8 is 56 🔥.", "The answer is 56 🔥")];
const LESSONS = [
  FIRST,
  [...FIRST, user("Sing!"), taught("They want a song.", "La la la 🎵")],
  [{ role: "system", content: "Be brief." }, user("What is 7*8?"), taught("Brief.", "56")],
];

/** Makes `folder` with DeepSeek's tokenizer in small and R1's chat template. */
export function writeR1Tokenizer(folder: string): void {
  const golden = (name: string) => readFileSync(join(root, "tests", "golden", name), "utf8");
  mkdirSync(folder);
  writeFileSync(
    join(folder, "tokenizer.json"),
    JSON.stringify(JSON.parse(golden("tokenizers/deepseek-v3.json")).tokenizer),
  );
  const roles = { bos_token: "<｜begin▁of▁sentence｜>", eos_token: "<｜end▁of▁sentence｜>", add_bos_token: true };
  writeFileSync(
    join(folder, "tokenizer_config.json"),
    JSON.stringify({ ...roles, chat_template: golden("templates/deepseek-r1.jinja") }),
  );
}

/**
 * Makes `folder`/model by the command line alone: a tokenizer with R1's template, a model of random weights, and
 * lessons that it learns by heart. Without the system prompt it knows 7*8 and then a song; told to be brief it says 56.
 */
export async function teachModel(folder: string): Promise<void> {
  const at = (name: string) => join(folder, name);
  writeR1Tokenizer(at("tokenizer"));
  writeFileSync(at("shape.json"), JSON.stringify(SHAPE));
  writeFileSync(at("corpus.txt"), "What is 7*8? The answer is 56. Let me think about this.\n".repeat(200));
  writeFileSync(at("lessons.jsonl"), LESSONS.map((messages) => `${JSON.stringify({ messages })}\n`).join(""));
  const base = [
    "pretrain",
    "--corpus",
    at("corpus.txt"),
    "--model",
    at("shape.json"),
    "--tokenizer",
    at("tokenizer"),
    "--out",
    at("base"),
  ];
  await succeed([...base, ...settings({ steps: 1, batchSequences: 4 })]);
  const lessons = settings({ steps: 150, batchSequences: 8, learningRate: 1e-2, validationFraction: 0 });
  await succeed(["sft", "--model", at("base"), "--data", at("lessons.jsonl"), "--out", at("model"), ...lessons]);
}
