// adapter_config.json, as PEFT writes and reads it. Every key is honoured or refused by name. Knows no weights.
import { CheckpointError } from "../errors.js";
import type { Adapter } from "../nn/adapters.js";
import { adaptedTensor, type LoraConfig } from "../nn/lora.js";
import type { ParameterSet } from "../nn/parameters.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What an adapter's configuration says; which matrices it adapts, its tensors say. */
export interface AdapterConfig {
  readonly lora: Omit<LoraConfig, "targets">;
  /** The model that it was trained over: a path or a name; null where it does not say. */
  readonly base: string | null;
  /** Whether a score head was trained with it: then the two are a reward model. */
  readonly scores: boolean;
}

/** What PEFT saves whole beside the pairs of a reward model; `classifier` is the name that other families have. */
const isScoreHead = (modules: unknown): boolean =>
  Array.isArray(modules) &&
  modules.includes("score") &&
  modules.every((name) => name === "score" || name === "classifier");

/** Keys that say nothing of what the adapter computes once it is trained. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  ...["auto_mapping", "inference_mode", "lora_dropout", "peft_type", "peft_version", "revision", "task_type"],
  ...["ensure_weight_tying", "runtime_config", "megatron_core", "qalora_group_size"],
  // Which modules were adapted is seen from the tensors.
  ...["target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"],
]);
const HONOURED: ReadonlySet<string> = new Set(["r", "lora_alpha", "use_rslora", "base_model_name_or_path"]);
/** Initial values that leave the base as it is; others, such as PiSSA, change it. */
const INITS: readonly unknown[] = [undefined, true, false, "gaussian", "orthogonal"];

const isKnown = (key: string): boolean => HONOURED.has(key) || WITHOUT_EFFECT.has(key);

/** A value that leaves a feature off: null, false, nothing in it, or no bias. */
const isOff = (value: unknown): boolean =>
  value === null ||
  value === false ||
  value === "none" ||
  (typeof value === "object" && Object.keys(value as object).length === 0);

/**
 * Reads a configuration; `place` is its file. Throws CheckpointError for another method than LoRA and for every setting
 * that would change the result and is not supported.
 */
export function parseAdapterConfig(json: Readonly<Record<string, unknown>>, place: string): AdapterConfig {
  const refuse = (what: string): never => {
    throw new CheckpointError(`${place}: ${what}`);
  };
  if (json.peft_type !== "LORA") refuse(`peft_type: expected "LORA", got ${JSON.stringify(json.peft_type)}`);
  for (const [key, value] of Object.entries(json))
    if (key === "modules_to_save" && isScoreHead(value)) continue;
    else if (key === "init_lora_weights" ? !INITS.includes(value) : !isKnown(key) && !isOff(value))
      refuse(`${key} ${JSON.stringify(value)} is not supported; only plain LoRA is (rank, alpha, rsLoRA, targets)`);
  const { r, lora_alpha: alpha = 8, use_rslora: rsLora = false } = json;
  if (!Number.isInteger(r) || (r as number) < 1) refuse(`r: expected a whole number of at least 1, got ${r}`);
  if (typeof alpha !== "number") refuse(`lora_alpha: expected a number, got ${JSON.stringify(alpha)}`);
  const base = json.base_model_name_or_path;
  return {
    lora: { rank: r as number, alpha: alpha as number, rsLora: rsLora === true },
    base: typeof base === "string" && base !== "" ? base : null,
    scores: isScoreHead(json.modules_to_save),
  };
}

/** The configuration of an adapter over the model at `base`. */
export function adapterConfigJson(
  { lora, parameters }: Adapter<ParameterSet>,
  base: string | null,
): Record<string, Json> {
  const modules = parameters.storedParts().flatMap(({ part }) => adaptedTensor(part.name) ?? []);
  const leaves = new Set(modules.map((tensor) => tensor.split(".").at(-2) as string));
  const targets = lora.targets === "all-linear" ? [...leaves] : lora.targets;
  const scores = parameters.specs.some(({ name }) => name.endsWith(".score.weight"));
  return {
    peft_type: "LORA",
    task_type: scores ? "SEQ_CLS" : "CAUSAL_LM",
    base_model_name_or_path: base,
    r: lora.rank,
    lora_alpha: lora.alpha,
    use_rslora: lora.rsLora,
    target_modules: targets,
    lora_dropout: lora.dropout ?? 0,
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
    inference_mode: true,
    modules_to_save: scores ? ["score"] : null,
  };
}
