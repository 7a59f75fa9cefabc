// config.json of the model families read and written here, checked and brought to one spelling.
// Keeps the Hugging Face field names; knows nothing of how the models compute.
// Fields and defaults: huggingface/transformers v5.23, models/{deepseek_v3,deepseek_v2,qwen2,llama}/configuration_*.py.
import { z } from "zod";
import { CheckpointError } from "../errors.js";

type JsonObject = Record<string, unknown>;

// Far above every published model, so that a damaged file cannot ask for more names and tensors than memory holds.
const MAX_WIDTH = 2 ** 24;
const MAX_LAYERS = 1024;
const MAX_EXPERTS = 4096;
const MAX_EXPERTS_OF_ALL_LAYERS = 65536;

const count = z.int().min(1).max(MAX_WIDTH);
const countOrZero = z.int().min(0).max(MAX_WIDTH);
const numPositions = z.int().min(1);
const positive = z.number().positive();
const tokenId = z.int().min(0).nullish();

const ropeScaling = z.looseObject({
  rope_type: z.enum(["linear", "dynamic", "yarn", "llama3"]),
  factor: positive,
  original_max_position_embeddings: numPositions.optional(),
  beta_fast: positive.optional(),
  beta_slow: positive.optional(),
  mscale: z.number().optional(),
  mscale_all_dim: z.number().optional(),
  low_freq_factor: positive.optional(),
  high_freq_factor: positive.optional(),
});

const common = {
  architectures: z.array(z.string()).optional(),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count.max(MAX_LAYERS),
  num_attention_heads: count,
  hidden_act: z.literal("silu").default("silu"),
  max_position_embeddings: numPositions,
  initializer_range: positive.default(0.02),
  rms_norm_eps: positive.default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  rope_theta: positive.default(10000),
  rope_scaling: ropeScaling.nullable().default(null),
  torch_dtype: z.enum(["float32", "bfloat16", "float16"]).optional(),
  bos_token_id: tokenId,
  eos_token_id: z.union([z.int().min(0), z.array(z.int().min(0))]).nullish(),
  pad_token_id: tokenId,
};

const headCounts = { num_key_value_heads: count.optional(), head_dim: count.optional() };

const deepseek = {
  ...common,
  moe_intermediate_size: count,
  n_routed_experts: count.max(MAX_EXPERTS),
  num_experts_per_tok: count,
  kv_lora_rank: count,
  // Absent and null differ: null is a plain q projection, so a file that leaves it out is refused rather than guessed at.
  q_lora_rank: count.nullable(),
  qk_nope_head_dim: count,
  qk_rope_head_dim: count,
  v_head_dim: count,
  moe_layer_freq: z.literal(1).default(1),
  attention_bias: z.boolean().default(false),
};

const deepseekV3 = z.looseObject({
  model_type: z.literal("deepseek_v3"),
  ...deepseek,
  n_shared_experts: countOrZero.default(1),
  n_group: count.default(8),
  topk_group: count.default(4),
  topk_method: z.literal("noaux_tc").default("noaux_tc"),
  scoring_func: z.literal("sigmoid").default("sigmoid"),
  norm_topk_prob: z.boolean().default(true),
  routed_scaling_factor: positive.default(2.5),
  first_k_dense_replace: countOrZero.default(3),
  rope_interleave: z.boolean().default(true),
  num_nextn_predict_layers: countOrZero.max(MAX_LAYERS).default(0),
});

const deepseekV2 = z.looseObject({
  model_type: z.literal("deepseek_v2"),
  ...deepseek,
  n_shared_experts: countOrZero.default(2),
  n_group: count.nullable().default(null),
  topk_group: count.nullable().default(null),
  topk_method: z.enum(["greedy", "group_limited_greedy"]).default("greedy"),
  scoring_func: z.literal("softmax").default("softmax"),
  norm_topk_prob: z.boolean().default(false),
  routed_scaling_factor: positive.default(1),
  first_k_dense_replace: countOrZero.default(0),
});

const qwen2 = z.looseObject({
  model_type: z.literal("qwen2"),
  ...common,
  ...headCounts,
  use_sliding_window: z.literal(false).default(false),
});

const llama = z.looseObject({
  model_type: z.literal("llama"),
  ...common,
  ...headCounts,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

const SCHEMAS = { deepseek_v3: deepseekV3, deepseek_v2: deepseekV2, qwen2, llama } as const;

/** DeepSeek-V3/R1 configuration, defaults filled in. `q_lora_rank` null = one plain q projection. */
export type DeepseekV3HfConfig = z.infer<typeof deepseekV3>;
/** DeepSeek-V2/V2-Lite configuration, defaults filled in. */
export type DeepseekV2HfConfig = z.infer<typeof deepseekV2>;
/** Qwen2/Qwen2.5 configuration, defaults filled in. */
export type Qwen2HfConfig = z.infer<typeof qwen2> & { num_key_value_heads: number; head_dim: number };
/** Llama 2/3 configuration, defaults filled in. */
export type LlamaHfConfig = z.infer<typeof llama> & { num_key_value_heads: number; head_dim: number };
/** Any supported configuration, told apart by `model_type`. Keys this reader does not know are kept. */
export type HfConfig = DeepseekV3HfConfig | DeepseekV2HfConfig | Qwen2HfConfig | LlamaHfConfig;
/** Scaling of rotary positions: linear, dynamic, YaRN or Llama 3. */
export type RopeScaling = z.infer<typeof ropeScaling>;

/** The values of `model_type` that can be read. */
export const SUPPORTED_MODEL_TYPES = Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[];

/** The fields that a family's config.json is read for. Others are kept untouched, so a misspelt one would go unnoticed. */
export function hfConfigKeys(modelType: HfConfig["model_type"]): string[] {
  return ["model_type", ...Object.keys(SCHEMAS[modelType].shape)];
}

/**
 * Checks a parsed config.json and fills in the defaults of `transformers`. Both spellings are taken: `rope_parameters` or
 * `rope_theta` + `rope_scaling`, `dtype` or `torch_dtype`. Throws CheckpointError listing every problem at once.
 */
export function parseHfConfig(raw: unknown, label = "config.json"): HfConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) throw new CheckpointError(`${label}: expected a JSON object`);
  const modelType = (raw as JsonObject).model_type;
  if (!isSupported(modelType)) {
    throw new CheckpointError(
      `${label}: model_type ${JSON.stringify(modelType) ?? "is missing and"} is not supported; expected one of ${SUPPORTED_MODEL_TYPES.join(", ")}`,
    );
  }
  const normal = normalise(raw as JsonObject);
  const result = SCHEMAS[modelType].safeParse(normal);
  if (!result.success) throw new CheckpointError(`${label}: ${result.error.issues.map((issue) => describe(issue, normal)).join("; ")}`);
  const config = withHeadCounts(result.data as HfConfig);
  const conflicts = findConflicts(config);
  if (conflicts.length > 0) throw new CheckpointError(`${label}: ${conflicts.join("; ")}`);
  return config;
}

/** The JSON object to save: the long-standing spelling, which every `transformers` release and vLLM read. */
export function toHfConfigJson(config: HfConfig): JsonObject {
  const json: Record<string, unknown> = { ...config };
  // Remote code of DeepSeek reads `type`, transformers reads `rope_type`.
  if (config.rope_scaling) json.rope_scaling = { ...config.rope_scaling, type: config.rope_scaling.rope_type };
  json.architectures ??= [ARCHITECTURES[config.model_type]];
  return JSON.parse(JSON.stringify(json)) as JsonObject;
}

const ARCHITECTURES: Record<HfConfig["model_type"], string> = {
  deepseek_v3: "DeepseekV3ForCausalLM",
  deepseek_v2: "DeepseekV2ForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  llama: "LlamaForCausalLM",
};

function isSupported(modelType: unknown): modelType is keyof typeof SCHEMAS {
  return typeof modelType === "string" && Object.hasOwn(SCHEMAS, modelType);
}

/** Brings the newer spellings to the older one. Nulls in place of an absent value are dropped where null has no meaning. */
function normalise(raw: JsonObject): Record<string, unknown> {
  const { rope_parameters, dtype, num_mtp_layers, ...rest } = raw;
  const config: Record<string, unknown> = { ...rest };
  config.torch_dtype ??= dtype ?? undefined;
  config.num_key_value_heads ??= undefined;
  config.head_dim ??= undefined;
  if (num_mtp_layers !== undefined) config.num_nextn_predict_layers ??= num_mtp_layers;
  if (isRecord(rope_parameters)) {
    const { rope_theta, ...scaling } = rope_parameters;
    config.rope_theta ??= rope_theta;
    config.rope_scaling ??= scaling;
  }
  config.rope_scaling = normaliseScaling(config.rope_scaling);
  return config;
}

function normaliseScaling(scaling: unknown): unknown {
  if (!isRecord(scaling)) return scaling;
  const { type, ...rest } = scaling;
  const ropeType = rest.rope_type ?? type;
  return ropeType === undefined || ropeType === "default" ? null : { ...rest, rope_type: ropeType };
}

function withHeadCounts(config: HfConfig): HfConfig {
  if (config.model_type !== "llama" && config.model_type !== "qwen2") return config;
  const headDim = config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads);
  return { ...config, num_key_value_heads: config.num_key_value_heads ?? config.num_attention_heads, head_dim: headDim };
}

function findConflicts(config: HfConfig): string[] {
  const conflicts: string[] = [];
  const demand = (holds: boolean, problem: string) => void (holds || conflicts.push(problem));
  if (config.model_type === "llama" || config.model_type === "qwen2") {
    const { num_attention_heads: heads, num_key_value_heads: groups } = config;
    demand(heads % groups === 0, `num_attention_heads ${heads} must be a multiple of num_key_value_heads ${groups}`);
    demand(config.head_dim % 2 === 0, `the head size ${config.head_dim} must be even for rotary positions`);
    return conflicts;
  }
  const { n_routed_experts: experts, num_experts_per_tok: active } = config;
  demand(config.qk_rope_head_dim % 2 === 0, `qk_rope_head_dim ${config.qk_rope_head_dim} must be even for rotary positions`);
  const layers = config.num_hidden_layers + (config.model_type === "deepseek_v3" ? config.num_nextn_predict_layers : 0);
  demand(layers * experts <= MAX_EXPERTS_OF_ALL_LAYERS, `${layers} layers of ${experts} experts are more than the ${MAX_EXPERTS_OF_ALL_LAYERS} taken in all`);
  demand(active <= experts, `num_experts_per_tok ${active} must not exceed n_routed_experts ${experts}`);
  const groups = config.n_group ?? 1;
  const groupsUsed = config.topk_group ?? groups;
  demand(experts % groups === 0, `n_routed_experts ${experts} must be a multiple of n_group ${groups}`);
  demand(groupsUsed <= groups, `topk_group ${groupsUsed} must not exceed n_group ${groups}`);
  demand(
    active <= (experts / groups) * groupsUsed,
    `num_experts_per_tok ${active} must fit into topk_group ${groupsUsed} groups of ${experts / groups} experts`,
  );
  return conflicts;
}

function describe(issue: z.core.$ZodIssue, config: Record<string, unknown>): string {
  const path = issue.path.join(".");
  const value = issue.path.reduce<unknown>((at, key) => (isRecord(at) ? at[key as string] : undefined), config);
  if (value === undefined) return `${path} is missing`;
  const wanted = issue.message
    .replace(/^Invalid (input|option): /, "")
    .replace(/, received .*$/, "")
    .replace(/^Too (small|big): /, "");
  return `${path}: ${wanted}, got ${JSON.stringify(value)}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
