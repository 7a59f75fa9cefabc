// JSON of Hugging Face's configuration files, as strict readers take it: where `transformers` declares a float, 16 is
// written 16.0. Python's parser makes an int of a number without a point, which its strict dataclasses then refuse.
import { exactJson } from "./trainer-state.js";

/**
 * The keys that hold floats: in config.json of our families, in its rotary settings, in generation_config.json.
 * Source: huggingface/transformers v5.23, models (configuration_*.py), modeling_rope_utils.py (RopeParameters),
 * generation/configuration_utils.py.
 */
export const FLOAT_KEYS: ReadonlySet<string> = new Set([
  ...["attention_dropout", "initializer_range", "rms_norm_eps", "router_aux_loss_coef", "routed_scaling_factor"],
  ...["rope_theta", "partial_rotary_factor", "factor", "attention_factor", "attn_factor", "beta_fast", "beta_slow"],
  ...["mscale", "mscale_all_dim", "low_freq_factor", "high_freq_factor", "short_factor", "long_factor"],
  ...[
    "temperature",
    "top_p",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "top_h",
    "repetition_penalty",
    "encoder_repetition_penalty",
  ],
  ...["attn_logit_softcapping", "final_logit_softcapping"],
  ...["diversity_penalty", "length_penalty", "assistant_confidence_threshold"],
]);

/** Stands for ".0" behind a number until the text is made; no text of a configuration holds it. */
const MARK = "\u0000float";

/** The text of a configuration file. Throws CheckpointError as `exactJson`. */
export function hfJson(value: unknown, label: string): string {
  return exactJson(marked(value, false), label).replaceAll(/"(-?\d+)\\u0000float"/g, "$1.0");
}

function marked(value: unknown, isFloat: boolean): unknown {
  if (typeof value === "number") return isFloat && isWhole(value) ? `${value}${MARK}` : value;
  if (Array.isArray(value)) return value.map((each) => marked(each, isFloat));
  if (typeof value !== "object" || value === null || ![Object.prototype, null].includes(Object.getPrototypeOf(value)))
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, marked(each, FLOAT_KEYS.has(key))]));
}

/** Whether JSON writes the number without a point or an exponent. */
const isWhole = (value: number): boolean => Number.isInteger(value) && !Object.is(value, -0) && Math.abs(value) < 1e21;
