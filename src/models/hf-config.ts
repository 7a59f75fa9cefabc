// config.json of the model families read and written here, checked and brought to one spelling.
// Keeps the Hugging Face field names; knows nothing of how the models compute. What families differ in is in their
// records.
import type { z } from "zod";
import { CheckpointError } from "../errors.js";
import type { HfConfig } from "./config-fields.js";
import { unknownKeys } from "./config-keys.js";
import { familyOf, findFamily, SUPPORTED_MODEL_TYPES } from "./families.js";
import { normaliseRope, ROPE_TYPES } from "./rope-scaling.js";

export type { HfConfig } from "./config-fields.js";
export { SUPPORTED_MODEL_TYPES } from "./families.js";

/**
 * The fields that a family's config.json is read for. Others are kept untouched, so a misspelt one would go unnoticed.
 */
export function hfConfigKeys(modelType: HfConfig["model_type"]): string[] {
  return Object.keys(findFamily(modelType)?.schema.shape ?? {});
}

/**
 * Checks a parsed config.json and fills in the defaults of `transformers`. Both spellings are taken: `rope_parameters`
 * or `rope_theta` + `rope_scaling`, `dtype` or `torch_dtype`. Throws CheckpointError listing every problem at once,
 * keys that nobody knows among them.
 */
export function parseHfConfig(raw: unknown, label = "config.json"): HfConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw new CheckpointError(`${label}: expected a JSON object`);
  const modelType = (raw as Record<string, unknown>).model_type;
  const family = findFamily(modelType);
  if (!family) {
    throw new CheckpointError(
      `${label}: model_type ${JSON.stringify(modelType) ?? "is missing and"} is not supported; expected one ` +
        `of ${SUPPORTED_MODEL_TYPES.join(", ")}`,
    );
  }
  const normal = normalise(
    { ...(family.prepare?.(raw as Record<string, unknown>) ?? raw) } as Record<string, unknown>,
    family.aliases,
  );
  const result = family.schema.safeParse(normal);
  const invalid = result.error?.issues.map((issue) => describe(issue, normal)) ?? [];
  const problems = [...invalid, ...unknownKeys(normal, (key) => Object.hasOwn(family.schema.shape, key))];
  if (!result.success || problems.length > 0) throw new CheckpointError(`${label}: ${problems.join("; ")}`);
  const config = family.complete?.(result.data as HfConfig) ?? (result.data as HfConfig);
  const conflicts = family.conflicts(config);
  if (conflicts.length > 0) throw new CheckpointError(`${label}: ${conflicts.join("; ")}`);
  return config;
}

/** The JSON object to save: the long-standing spelling, which every `transformers` release and vLLM read. */
export function toHfConfigJson(config: HfConfig): Record<string, unknown> {
  const json: Record<string, unknown> = { ...config };
  // Remote code of DeepSeek reads `type`, transformers reads `rope_type`.
  if (config.rope_scaling) json.rope_scaling = { ...config.rope_scaling, type: config.rope_scaling.rope_type };
  json.architectures ??= [familyOf(config).architecture];
  return JSON.parse(JSON.stringify(json)) as Record<string, unknown>;
}

/**
 * Brings the newer spellings to the older one. Nulls in place of an absent value are dropped where null has no meaning.
 */
function normalise(
  raw: Record<string, unknown>,
  aliases: Readonly<Record<string, string>> = {},
): Record<string, unknown> {
  const { rope_parameters, original_max_position_embeddings, dtype, ...rest } = raw;
  const config: Record<string, unknown> = { ...rest };
  config.torch_dtype ??= dtype ?? undefined;
  config.num_key_value_heads ??= undefined;
  config.head_dim ??= undefined;
  for (const [alias, name] of Object.entries(aliases)) {
    if (config[alias] !== undefined) config[name] ??= config[alias];
    delete config[alias];
  }
  return { ...config, ...normaliseRope(raw) };
}

function describe(issue: z.core.$ZodIssue, config: Record<string, unknown>): string {
  const path = issue.path.join(".");
  if (issue.code === "unrecognized_keys")
    return `${path}.${issue.keys.join(`, ${path}.`)}: unknown setting of this ${path}, remove it`;
  const value = issue.path.reduce<unknown>((at, key) => (isRecord(at) ? at[key as string] : undefined), config);
  if (value === undefined) return `${path} is missing`;
  if (path === "rope_scaling.rope_type" && value === "default") {
    const { rope_type: _, ...rest } = config.rope_scaling as Record<string, unknown>;
    return (
      `rope_scaling: ${Object.keys(rest).join(", ")} without a rope_type; expected one of ` + `${ROPE_TYPES.join(", ")}`
    );
  }
  if (path === "rope_scaling.rope_type")
    return `${path}: expected one of ${ROPE_TYPES.join(", ")}, got ${JSON.stringify(value)}`;
  const wanted = issue.message
    .replace(/^Invalid (input|option): /, "")
    .replace(/, received .*$/, "")
    .replace(/^Too (small|big): /, "");
  return `${path}: ${wanted}, got ${JSON.stringify(value)}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
