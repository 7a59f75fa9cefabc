// How a family's parts are called and arranged in GGUF files: what a table says, and the collectors it says it to.
// Names and shapes only. Names: ggml-org/llama.cpp@0024aa7, gguf-py/gguf/constants.py and tensor_mapping.py.
import type { HfConfig } from "./config-fields.js";

/** What a tensor is to the model: decides how it may be stored. */
export type TensorRole = "embedding" | "head" | "norm" | "bias" | "router" | "factors" | "matrix";

/** A tensor of the Hugging Face model. */
export interface HfTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * Rows whose order differs: within each of `groups` equal groups of rows, those from `start` on are halves [a; b] in
 * Hugging Face's file and alternate a0 b0 a1 b1 … in GGUF, whose RoPE turns neighbours.
 */
export interface RowOrder {
  readonly groups: number;
  readonly start: number;
}

/**
 * The two halves GGUF splits kv_b_proj into, by head: keys [H, latent, nope] transposed, values [H, value, latent] as
 * they are.
 */
export interface LatentSplit {
  readonly half: "keys" | "values";
  readonly heads: number;
  readonly nope: number;
  readonly value: number;
}

/** A GGUF tensor: one Hugging Face tensor, or several of one shape stacked as an outer dimension. */
export interface GgufEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: TensorRole;
  readonly sources: readonly HfTensor[];
  readonly rowOrder?: RowOrder;
  readonly latentSplit?: LatentSplit;
  /** What the file's numbers have on top of Hugging Face's. */
  readonly offset?: number;
}

/** Choices of the layout. `joinedKvB`: files from before the split keep kv_b_proj whole. */
export interface LayoutOptions {
  readonly joinedKvB?: boolean;
}

/** Asks for the metadata of one architecture; keys are given without its name. */
export interface GgufKeys {
  count(name: string): number | undefined;
  number(name: string): number | undefined;
  flag(name: string): boolean | undefined;
  flags(name: string): readonly boolean[] | undefined;
  /** A count that must be there. */
  needed(name: string): number;
  /** Whether the file holds a tensor of that name. */
  hasTensor(name: string): boolean;
  /** Throws CheckpointError with the problem. */
  refuse(problem: string): never;
}

/** Takes the metadata of one architecture; keys are given without its name. */
export interface GgufKeySink {
  count(name: string, value: number): void;
  float(name: string, value: number): void;
  flag(name: string, value: boolean): void;
  flags(name: string, values: readonly boolean[]): void;
  /** Throws CheckpointError: the model cannot be written as GGUF. */
  refuse(problem: string): never;
}

/**
 * What a family says of its GGUF files. Embedding, output, final norm and the common keys are every family's alike.
 */
export interface GgufTable<C = HfConfig> {
  /** `general.architecture`. Families may share one. */
  readonly architecture: string;
  /** Whether Llama 3's scaling of rotary frequencies is kept as the tensor `rope_freqs.weight`. */
  readonly takesRopeFactors?: boolean;
  /** The norms of a layer, `hidden_size` wide, as the file and as Hugging Face name them; default: PRE_NORM_NAMES. */
  readonly layerNorms?: Readonly<Record<string, string>>;
  /** What the file's weights of norms have on top of Hugging Face's: 1 where these are distances from 1. */
  readonly normOffset?: number;
  /** Keys under `rope.` that the family alone reads. */
  readonly ropeKeys?: readonly string[];
  /** Fields of config.json from the file's keys; `common` are those that every family has. */
  read(keys: GgufKeys, common: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /** The family's own keys. */
  write(keys: GgufKeySink, config: C): void;
  /** What llama.cpp computes otherwise from such a file than `transformers` from the configuration, in words. */
  differences?(config: C): string[];
  /** The tensors of layer `index` besides its norms; layers of multi-token prediction come last. */
  addLayer(layer: LayerEntries, config: C, index: number, options: LayoutOptions): void;
}

/** The norms of a layer that normalises what its two parts read. */
export const PRE_NORM_NAMES = { attn_norm: "input_layernorm", ffn_norm: "post_attention_layernorm" };

/** A GGUF tensor that is one Hugging Face tensor. */
export function entry(name: string, source: string, shape: readonly number[], role: TensorRole): GgufEntry {
  return { name, shape, role, sources: [{ name: source, shape }] };
}

/** Collects the tensors of one layer under its two prefixes. */
export class LayerEntries {
  readonly entries: GgufEntry[] = [];

  constructor(
    readonly ggufPrefix: string,
    readonly hfPrefix: string,
  ) {}

  add(name: string, source: string, shape: readonly number[], role: TensorRole = "matrix", rowOrder?: RowOrder): void {
    this.entries.push({ ...entry(this.ggufPrefix + name, this.hfPrefix + source, shape, role), rowOrder });
  }

  /** A projection's weight and, where it has one, its bias. */
  addProjection(name: string, source: string, shape: readonly number[], hasBias: boolean, rowOrder?: RowOrder): void {
    this.add(`${name}.weight`, `${source}.weight`, shape, "matrix", rowOrder);
    if (hasBias) this.add(`${name}.bias`, `${source}.bias`, [shape[0]], "bias", rowOrder);
  }

  /** A router and its experts, each projection stacked. */
  addExperts(hidden: number, width: number, count: number): void {
    const stack = (name: string, source: string, shape: readonly number[]) => {
      const sources = Array.from({ length: count }, (_, e) => ({
        name: `${this.hfPrefix}mlp.experts.${e}.${source}.weight`,
        shape,
      }));
      this.entries.push({
        name: `${this.ggufPrefix}${name}.weight`,
        shape: [count, ...shape],
        role: "matrix",
        sources,
      });
    };
    this.add("ffn_gate_inp.weight", "mlp.gate.weight", [count, hidden], "router");
    stack("ffn_gate_exps", "gate_proj", [width, hidden]);
    stack("ffn_up_exps", "up_proj", [width, hidden]);
    stack("ffn_down_exps", "down_proj", [hidden, width]);
  }

  addMlp(suffix: string, source: string, hidden: number, width: number, hasBias = false): void {
    this.addProjection(`ffn_gate${suffix}`, `${source}.gate_proj`, [width, hidden], hasBias);
    this.addProjection(`ffn_up${suffix}`, `${source}.up_proj`, [width, hidden], hasBias);
    this.addProjection(`ffn_down${suffix}`, `${source}.down_proj`, [hidden, width], hasBias);
  }
}
