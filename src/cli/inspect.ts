// `luciole inspect`: what a model is made of and how much memory it takes, from its configuration and file headers
// alone.
import { existsSync, statSync } from "node:fs";
import { openMachine } from "../backends/machine.js";
import { describeGguf, type GgufDescription } from "../checkpoint/index.js";
import { availableBytes } from "../free-memory.js";
import { inspectModel, type ModelSummary, type StoredFacts } from "../inference/opening/inspect-model.js";
import { describePlan } from "../inference/opening/memory-plan.js";
import { isRunDirectory } from "../inference/opening/model-source.js";
import { scoresTexts } from "../models/index.js";
import { formatMemory } from "../number-text.js";
import { readRunConfig } from "../run/run-directory.js";
import { modelPath } from "./model-path.js";
import { writeResult } from "./run-verb.js";

/** Flags as commander gives them. */
export interface InspectFlags {
  readonly json?: boolean;
  readonly context?: number;
  readonly tensors?: boolean;
}

/**
 * Prints what there is to know of a run, a model directory, a pulled model, a config.json, a GGUF file or a random
 * model of a published shape.
 */
export async function inspect(name: string, flags: InspectFlags): Promise<void> {
  const path = modelPath(name);
  await openMachine({ warn: () => {} });
  const described = isGgufFile(path) ? await describeGguf(path) : undefined;
  if (described && described.problems.length > 0) return writeDescription(path, described, flags);
  const summary = await inspectModel(path, flags.context);
  const source =
    existsSync(path) && isRunDirectory(path) ? `${path}, a run of luciole ${readRunConfig(path).verb}` : path;
  const facts = factsOf(source, summary, summary.context);
  const tensors = flags.tensors ? (summary.tensors ?? []) : undefined;
  writeResult(flags.json, { ...facts, tensors }, () => [...factLines(facts, summary), ...tensorLines(tensors)]);
}

const isGgufFile = (path: string): boolean => /\.gguf$/i.test(path) && existsSync(path) && statSync(path).isFile();

const tensorLines = (
  tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: string }[] = [],
): string[] => tensors.map(({ name, shape, dtype }) => `  ${name}  ${dtype} [${shape.join(", ")}]`);

const countText = (n: number): string => n.toLocaleString("en-US");

const storedRow = ({ tensors, bytes, dtypes }: StoredFacts): [string, string] => {
  const types = Object.entries(dtypes).map(([dtype, n]) => `${n} ${dtype}`);
  return ["stored", `${countText(tensors)} tensors (${types.join(", ")}), ${formatMemory(bytes)}`];
};

const columns = (rows: readonly (readonly [string, string])[]): string[] =>
  rows.map(([label, text]) => `${label.padEnd(14)}${text}`);

/** A GGUF file that cannot be run: what it says of itself, and every reason. */
function writeDescription(source: string, { tensors, ...facts }: GgufDescription, flags: InspectFlags): void {
  const listed = flags.tensors ? tensors : undefined;
  const sizes: [string, number | undefined][] = [
    ["layers", facts.layers],
    ["hidden size", facts.hiddenSize],
    ["heads", facts.attentionHeads],
    ["vocabulary", facts.vocabulary],
    ["context", facts.maxContext],
  ];
  const known = sizes.flatMap(([label, n]) =>
    n === undefined
      ? []
      : [label === "layers" || label === "heads" ? `${countText(n)} ${label}` : `${label} ${countText(n)}`],
  );
  writeResult(flags.json, { source, ...facts, tensors: listed }, () => [
    ...columns([
      ["model", facts.name === undefined ? source : `${source} (${facts.name})`],
      ["architecture", [facts.architecture ?? "not told", known.join(", ")].filter(Boolean).join(": ")],
      ["parameters", countText(facts.parameters)],
      storedRow(facts.stored),
      ...(facts.tokenizer === undefined ? [] : [["tokenizer", facts.tokenizer] as const]),
      ...facts.problems.map((problem, i) => [i === 0 ? "cannot run" : "", problem] as const),
    ]),
    ...tensorLines(listed),
  ]);
}

function factsOf(
  source: string,
  { config, parameters, experts, mtpDepths, kvBytesPerToken: kv, stored, memory, problem }: ModelSummary,
  context: number,
) {
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

function factLines(facts: Facts, { config, kvBytesPerToken: kv, memory, problem }: ModelSummary): string[] {
  const count = countText;
  const { parameters, stored } = facts;
  const widths =
    `${facts.layers} layers, hidden size ${facts.hiddenSize}, ${facts.attentionHeads} heads, vocabulary ` +
    `${count(facts.vocabulary)}`;
  const rows: [string, string][] = [
    ["model", facts.source],
    ["architecture", `${facts.architecture}: ${widths}, context ${count(facts.maxContext)}`],
  ];
  if (scoresTexts(config)) rows.push(["use", "a reward model: it scores texts (rl --reward rm:<dir>)"]);
  if ("experts" in facts && facts.experts) {
    const { routed, perToken, shared } = facts.experts;
    rows.push([
      "experts",
      `${routed} routed, ${perToken} per token, ${shared} shared; ${facts.mtpDepths} multi-token-prediction depths`,
    ]);
  }
  rows.push(["parameters", `${count(parameters.total)}, ${count(parameters.active)} active per token`]);
  for (const [part, n] of Object.entries(parameters.byPart))
    rows.push(["", `${part.padEnd(20)}${count(n).padStart(18)}  ${((100 * n) / parameters.total).toFixed(1)}%`]);
  if (stored) rows.push(storedRow(stored));
  const kinds: [string, number | undefined][] = [
    ["per head", kv.heads],
    ["latent", kv.latent],
    ["latent in FP8", kv.latentFp8],
  ];
  const present = kinds.filter((kind): kind is [string, number] => kind[1] !== undefined);
  rows.push(["cache", `per token ${present.map(([label, bytes]) => `${count(bytes)} B ${label}`).join(", ")} (bf16)`]);
  rows.push([
    "",
    `at ${count(facts.context)} tokens ` +
      `${present.map(([label, bytes]) => `${formatMemory(bytes * facts.context)} ${label}`).join(", ")}`,
  ]);
  if (memory) {
    const verdict = memory.total <= facts.availableBytes ? "fits into" : "does not fit into";
    rows.push([
      "memory",
      `${formatMemory(memory.total)} to run at ${count(facts.context)} tokens: ${verdict} ` +
        `${formatMemory(facts.availableBytes)} free`,
    ]);
    rows.push(["", describePlan(memory)]);
  }
  if (problem !== undefined) rows.push(["problem", problem]);
  return columns(rows);
}
