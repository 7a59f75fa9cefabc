// `luciole inspect`: what a model is made of and how much memory it takes, from its configuration and file headers alone.
import { existsSync } from "node:fs";
import { inspectModel, type ModelSummary } from "../inference/inspect-model.js";
import { describePlan } from "../inference/memory-plan.js";
import { isRunDirectory } from "../inference/model-source.js";
import { availableBytes, formatMemory } from "../run/memory-text.js";
import { readRunConfig } from "../run/run-directory.js";
import { openMachine } from "../tensor/backends/machine.js";
import { modelPath } from "./model-path.js";
import { writeResult } from "./run-verb.js";

/** Flags as commander gives them. */
export interface InspectFlags {
  readonly json?: boolean;
  readonly context?: number;
  readonly tensors?: boolean;
}

/** Prints what there is to know of a run, a model directory, a pulled model, a config.json, a GGUF file or a random model of a published shape. */
export async function inspect(name: string, flags: InspectFlags): Promise<void> {
  const path = modelPath(name);
  await openMachine({ warn: () => {} });
  const summary = await inspectModel(path, flags.context);
  const source = existsSync(path) && isRunDirectory(path) ? `${path}, a run of luciole ${readRunConfig(path).verb}` : path;
  const facts = factsOf(source, summary, summary.context);
  const tensors = flags.tensors ? (summary.tensors ?? []) : undefined;
  writeResult(flags.json, { ...facts, tensors }, () => [
    ...factLines(facts, summary),
    ...(tensors ?? []).map(({ name, shape, dtype }) => `  ${name}  ${dtype} [${shape.join(", ")}]`),
  ]);
}

function factsOf(source: string, { config, parameters, experts, mtpDepths, kvBytesPerToken: kv, stored, memory, problem }: ModelSummary, context: number) {
  return {
    source,
    architecture: config.model_type,
    layers: config.num_hidden_layers,
    hiddenSize: config.hidden_size,
    attentionHeads: config.num_attention_heads,
    vocabulary: config.vocab_size,
    maxContext: config.max_position_embeddings,
    ...(experts ? { experts, mtpDepths } : {}),
    parameters,
    /** Of a cache in bf16. */
    kvBytesPerToken: kv,
    context,
    kvBytesAtContext: Object.fromEntries(Object.entries(kv).map(([kind, bytes]) => [kind, bytes * context])),
    stored,
    memory,
    availableBytes: availableBytes(),
    ...(problem === undefined ? {} : { problem }),
  };
}

type Facts = ReturnType<typeof factsOf>;

function factLines(facts: Facts, { kvBytesPerToken: kv, memory, problem }: ModelSummary): string[] {
  const count = (n: number) => n.toLocaleString("en-US");
  const { parameters, stored } = facts;
  const widths = `${facts.layers} layers, hidden size ${facts.hiddenSize}, ${facts.attentionHeads} heads, vocabulary ${count(facts.vocabulary)}`;
  const rows: [string, string][] = [
    ["model", facts.source],
    ["architecture", `${facts.architecture}: ${widths}, context ${count(facts.maxContext)}`],
  ];
  if ("experts" in facts && facts.experts) {
    const { routed, perToken, shared } = facts.experts;
    rows.push(["experts", `${routed} routed, ${perToken} per token, ${shared} shared; ${facts.mtpDepths} multi-token-prediction depths`]);
  }
  rows.push(["parameters", `${count(parameters.total)}, ${count(parameters.active)} active per token`]);
  for (const [part, n] of Object.entries(parameters.byPart))
    rows.push(["", `${part.padEnd(20)}${count(n).padStart(18)}  ${((100 * n) / parameters.total).toFixed(1)}%`]);
  if (stored) {
    const types = Object.entries(stored.dtypes).map(([dtype, n]) => `${n} ${dtype}`);
    rows.push(["stored", `${count(stored.tensors)} tensors (${types.join(", ")}), ${formatMemory(stored.bytes)}`]);
  }
  const kinds: [string, number | undefined][] = [
    ["per head", kv.heads],
    ["latent", kv.latent],
    ["latent in FP8", kv.latentFp8],
  ];
  const present = kinds.filter((kind): kind is [string, number] => kind[1] !== undefined);
  rows.push(["cache", `per token ${present.map(([label, bytes]) => `${count(bytes)} B ${label}`).join(", ")} (bf16)`]);
  rows.push(["", `at ${count(facts.context)} tokens ${present.map(([label, bytes]) => `${formatMemory(bytes * facts.context)} ${label}`).join(", ")}`]);
  if (memory) {
    const verdict = memory.total <= facts.availableBytes ? "fits into" : "does not fit into";
    rows.push(["memory", `${formatMemory(memory.total)} to run at ${count(facts.context)} tokens: ${verdict} ${formatMemory(facts.availableBytes)} free`]);
    rows.push(["", describePlan(memory)]);
  }
  if (problem !== undefined) rows.push(["problem", problem]);
  return rows.map(([label, text]) => `${label.padEnd(14)}${text}`);
}
