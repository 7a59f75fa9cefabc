// Scaling of rotary positions in GGUF's keys and tensors, and in config.json's. A file means what llama.cpp computes
// from it, so what is written is solved from what llama.cpp does. Sources: ggml-org/llama.cpp@0024aa7,
// llama-context.cpp (yarn_attn_factor), llama-model.cpp (load_hparams, get_rope_factors), models/deepseek2.cpp
// (kq_scale), ggml-cpu/ops.cpp (rope_yarn).
import { CheckpointError } from "../errors.js";
import type { HfConfig } from "../models/config-fields.js";
import { familyOf } from "../models/families.js";
import type { GgufTable } from "../models/gguf-table.js";
import { attentionFactorOf, type HfRopeScaling, softmaxScaleOf } from "../models/rope-scaling.js";
import { yarnMscale } from "../nn/rope-frequencies.js";
import { type KeyReader, type KeyWriter, shortestFloat } from "./gguf-keys.js";
import { llama3Factors, llama3ScalingOf } from "./rope-factors.js";

type Json = Record<string, unknown>;

/** Divisors of the rotary frequencies that lie in tensors of their own, by tensor name. */
export type RopeDivisors = ReadonlyMap<string, Float32Array>;

const LLAMA3_DIVISORS = "rope_freqs.weight";
const SHORT_DIVISORS = "rope_factors_short.weight";
const LONG_DIVISORS = "rope_factors_long.weight";

/** Names of tensors that hold divisors. */
export const ROPE_TENSORS: readonly string[] = [LLAMA3_DIVISORS, SHORT_DIVISORS, LONG_DIVISORS];

/** The architecture whose softmax scale and factor on cos and sin llama.cpp computes together. */
const LATENT_ARCHITECTURE = "deepseek2";
/** llama.cpp keeps mscale_all_dim times this. */
const LOG_MULTIPLIER = 0.1;

/** Keys under `rope.` that are read here, or that llama.cpp too passes over for our architectures (the last four). */
const KNOWN_KEYS: readonly string[] = [
  ...["dimension_count", "freq_base", "scale_linear"],
  ...[
    "type",
    "factor",
    "attn_factor",
    "original_context_length",
    "yarn_log_multiplier",
    "yarn_beta_fast",
    "yarn_beta_slow",
  ].map((key) => `scaling.${key}`),
  ...["finetuned", "alpha", "yarn_ext_factor", "yarn_attn_factor"].map((key) => `scaling.${key}`),
];

/**
 * `rope_scaling` of the model in a GGUF file, still to be checked. Throws CheckpointError for what our models cannot
 * express.
 */
export function readRopeScaling(
  reader: KeyReader,
  divisors: RopeDivisors,
  { takesRopeFactors = false, ropeKeys = [] }: Pick<GgufTable, "takesRopeFactors" | "ropeKeys">,
): Json | null {
  refuseUnknownKeys(reader, [...KNOWN_KEYS, ...ropeKeys]);
  // Without a type llama.cpp scales linearly.
  const kind = reader.facts.text(reader.key("rope.scaling.type")) ?? "linear";
  const factor = kind === "none" ? 1 : reader.number("rope.scaling.factor") || reader.number("rope.scale_linear") || 1;
  const attention = reader.number("rope.scaling.attn_factor") ?? 1;
  if (divisors.size > 0 && !takesRopeFactors)
    return reader.refuse(`${[...divisors.keys()].join(", ")} in a ${reader.architecture} model is not supported`);
  if (divisors.size > 0) return readDivisors(reader, divisors, { kind, factor, attention });
  if (kind === "yarn") return readYarn(reader, factor, attention);
  if (kind !== "none" && kind !== "linear") {
    return reader.refuse(
      `rotary positions scaled by ${JSON.stringify(kind.slice(0, 60))} are not supported, expected none, ` +
        "linear, yarn or longrope",
    );
  }
  if (attention !== 1)
    return reader.refuse(`${reader.key("rope.scaling.attn_factor")} ${attention} without YaRN is not supported`);
  if (factor === 1) return null;
  const growth = 1 + LOG_MULTIPLIER * Math.log(factor);
  return {
    rope_type: "linear",
    factor,
    ...(isLatent(reader) ? allDimOf(growth * logGrowth(reader, factor), factor) : {}),
  };
}

function refuseUnknownKeys(reader: KeyReader, known: readonly string[]): void {
  const prefix = reader.key("rope.");
  const unknown = reader.facts.keys.filter(
    (key) => key.startsWith(prefix) && !known.includes(key.slice(prefix.length)),
  );
  if (unknown.length > 0)
    reader.refuse(`${unknown.slice(0, 5).join(", ")}: rotary position settings that are not supported`);
}

const isLatent = (reader: KeyReader): boolean => reader.architecture === LATENT_ARCHITECTURE;

/** 1 + 0.1 · M · ln(factor), the part of the root of DeepSeek's softmax scale that the file's log multiplier makes. */
const logGrowth = (reader: KeyReader, factor: number): number =>
  1 + (reader.number("rope.scaling.yarn_log_multiplier") ?? 0) * Math.log(factor);

/** mscale_all_dim that multiplies the softmax scale by the square of `root`. */
function allDimOf(root: number, factor: number): { mscale_all_dim?: number } {
  const allDim = factor > 1 ? rounded((root - 1) / (LOG_MULTIPLIER * Math.log(factor))) : 0;
  return Math.abs(allDim) < 1e-5 ? {} : { mscale_all_dim: allDim };
}

function readYarn(reader: KeyReader, factor: number, attention: number): Json {
  const hasMultiplier = isLatent(reader) && (reader.number("rope.scaling.yarn_log_multiplier") ?? 0) !== 0;
  const onCosine = rounded(hasMultiplier ? attention : attention * yarnMscale(factor));
  const scales = isLatent(reader) ? allDimOf(onCosine * logGrowth(reader, factor), factor) : {};
  const plain = {
    rope_type: "yarn" as const,
    factor,
    original_max_position_embeddings:
      reader.count("rope.scaling.original_context_length") ?? reader.needed("context_length"),
    beta_fast: reader.number("rope.scaling.yarn_beta_fast") ?? 32,
    beta_slow: reader.number("rope.scaling.yarn_beta_slow") ?? 1,
  };
  // Of the spellings that mean this, the one that published files have.
  const both = scales.mscale_all_dim === undefined ? {} : { mscale: scales.mscale_all_dim, ...scales };
  const given: (typeof plain & { mscale?: number; mscale_all_dim?: number })[] = [{}, both, scales].map((each) => ({
    ...plain,
    ...each,
  }));
  const same = (each: (typeof given)[number]) =>
    Math.abs(attentionFactorOf(each) - onCosine) < 1e-5 && sameSoftmax(each, scales);
  return given.find(same) ?? { ...plain, ...scales, attention_factor: onCosine };
}

const sameSoftmax = (a: { mscale_all_dim?: number }, b: { mscale_all_dim?: number }): boolean =>
  (a.mscale_all_dim ?? 0) === (b.mscale_all_dim ?? 0);

interface Scale {
  readonly kind: string;
  readonly factor: number;
  readonly attention: number;
}

function readDivisors(reader: KeyReader, divisors: RopeDivisors, { kind, factor, attention }: Scale): Json | null {
  const names = [...divisors.keys()].join(", ");
  if (factor !== 1 || kind === "yarn")
    return reader.refuse(`${names} beside ${kind} scaling by ${factor} is not supported`);
  const context = reader.needed("context_length");
  const original = reader.count("rope.scaling.original_context_length");
  const fixed = divisors.get(LLAMA3_DIVISORS);
  if (!fixed) return longRope(reader, divisors, { original: original ?? context, context, attention });
  if (attention === 1 && fixed.every((divisor) => divisor === 1)) return null;
  const known = { theta: reader.number("rope.freq_base") ?? 10000, originalMaxPositions: original };
  const llama3 = attention === 1 ? llama3ScalingOf(fixed, known) : undefined;
  if (llama3) return { rope_type: "llama3", ...llama3 };
  // Divisors that follow no rule hold at every length.
  const both = new Map([SHORT_DIVISORS, LONG_DIVISORS].map((name) => [name, fixed]));
  return longRope(reader, both, { original: context, context, attention });
}

function longRope(
  reader: KeyReader,
  divisors: RopeDivisors,
  sizes: { original: number; context: number; attention: number },
): Json {
  const list = (name: string) =>
    Array.from(divisors.get(name) ?? reader.refuse(`the tensor ${name} is missing`), shortestFloat);
  return {
    rope_type: "longrope",
    short_factor: list(SHORT_DIVISORS),
    long_factor: list(LONG_DIVISORS),
    original_max_position_embeddings: sizes.original,
    factor: sizes.context / sizes.original,
    attention_factor: sizes.attention,
  };
}

/** Writes the keys for a configuration's scaling. Throws CheckpointError where GGUF cannot express it. */
export function writeRopeScaling(writer: KeyWriter, config: HfConfig): void {
  const scaling = config.rope_scaling;
  // Dynamic scaling is none up to the context that is written.
  if (!scaling || scaling.rope_type === "dynamic") return;
  if (scaling.rope_type === "llama3" || scaling.rope_type === "longrope") {
    writeDivided(writer, config, scaling);
    return;
  }
  const cannot = (why: string) =>
    new CheckpointError(
      `rope_scaling ${scaling.rope_type} ${why} cannot be written as GGUF; keep the safetensors directory`,
    );
  writer.text("rope.scaling.type", scaling.rope_type);
  writer.float("rope.scaling.factor", scaling.factor);
  if (scaling.rope_type === "yarn") {
    if (scaling.truncate === false) throw cannot("with truncate false");
    writer.count("rope.scaling.original_context_length", scaling.original_max_position_embeddings);
    if (scaling.beta_fast !== undefined) writer.float("rope.scaling.yarn_beta_fast", scaling.beta_fast);
    if (scaling.beta_slow !== undefined) writer.float("rope.scaling.yarn_beta_slow", scaling.beta_slow);
  }
  const onCosine = scaling.rope_type === "yarn" ? attentionFactorOf(scaling) : 1;
  const solved =
    familyOf(config).gguf.architecture === LATENT_ARCHITECTURE
      ? solveLatent(scaling, onCosine, Math.sqrt(softmaxScaleOf(config)))
      : { attention: onCosine / grown(scaling) };
  if (solved === null) throw cannot(`with factor ${scaling.factor} and attention_factor ${onCosine}`);
  if (!near(solved.attention, 1)) writer.float("rope.scaling.attn_factor", solved.attention);
  if (solved.multiplier) writer.float("rope.scaling.yarn_log_multiplier", solved.multiplier);
}

type Stretched = Extract<HfRopeScaling, { rope_type: "yarn" | "linear" }>;

const grown = ({ rope_type, factor }: Stretched): number => (rope_type === "yarn" ? yarnMscale(factor) : 1);

/**
 * attn_factor and log multiplier for which llama.cpp multiplies cos and sin by `onCosine` and the softmax scale by
 * `root`². It takes the root as (factor on cos and sin) · (1 + 0.1·M·ln factor), under linear scaling times 1 + 0.1·ln
 * factor; M = 0 puts YaRN's own growth on cos and sin.
 */
function solveLatent(
  scaling: Stretched,
  onCosine: number,
  root: number,
): { attention: number; multiplier?: number } | null {
  const log = Math.log(scaling.factor);
  const base = scaling.rope_type === "yarn" ? onCosine : 1 + LOG_MULTIPLIER * log;
  if (near(root, base)) return { attention: onCosine / grown(scaling) };
  return log === 0 ? null : { attention: onCosine, multiplier: (root / base - 1) / log };
}

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-7 * Math.abs(b);

function writeDivided(
  writer: KeyWriter,
  config: HfConfig,
  scaling: Extract<HfRopeScaling, { rope_type: "llama3" | "longrope" }>,
): void {
  if (!familyOf(config).gguf.takesRopeFactors) {
    throw new CheckpointError(
      `rope_scaling ${scaling.rope_type} of a ${config.model_type} model cannot be written as GGUF, which ` +
        "supports it for other architectures only; keep the safetensors directory",
    );
  }
  writer.count("rope.scaling.original_context_length", scaling.original_max_position_embeddings);
  if (scaling.rope_type === "llama3") return;
  writer.text("rope.scaling.type", "longrope");
  const attention = attentionFactorOf(scaling);
  if (!near(attention, 1)) writer.float("rope.scaling.attn_factor", attention);
}

/** The tensors of divisors that go with `writeRopeScaling`'s keys. */
export function ropeDivisorsOf(config: HfConfig): RopeDivisors {
  const scaling = config.rope_scaling;
  if (scaling?.rope_type === "llama3" && "head_dim" in config)
    return new Map([[LLAMA3_DIVISORS, llama3Factors(config.head_dim as number, config.rope_theta, scaling)]]);
  if (scaling?.rope_type !== "longrope") return new Map();
  return new Map([
    [LONG_DIVISORS, Float32Array.from(scaling.long_factor)],
    [SHORT_DIVISORS, Float32Array.from(scaling.short_factor)],
  ]);
}

/** What llama.cpp makes otherwise of the keys that are written, in words. */
export function ropeDifferences({ rope_scaling: scaling, max_position_embeddings: longest }: HfConfig): string[] {
  if (scaling?.rope_type === "dynamic")
    return [
      `GGUF files have no dynamic rope scaling: it is left out, which makes no difference up to ${longest} tokens`,
    ];
  if (scaling?.rope_type !== "yarn" || ((scaling.beta_fast ?? 32) === 32 && (scaling.beta_slow ?? 1) === 1)) return [];
  return [
    "llama.cpp assumes YaRN's beta_fast and beta_slow to be 32 and 1, this model has " +
      `${scaling.beta_fast ?? 32} and ${scaling.beta_slow ?? 1}`,
  ];
}

/** A number computed from 32-bit floats, without the digits that they do not carry. */
const rounded = (value: number): number => Number(value.toPrecision(6));
