// Low-rank adapters (LoRA, Hu et al. 2021): which matrices get a pair A, B, and the pairs' own numbers. Knows no file
// and no training.
import { ConfigError } from "../errors.js";
import type { ParameterSpec, StoredPart } from "./parameter-spec.js";
import type { Weight } from "./weight.js";

/** Which matrices are adapted, with PEFT's meaning: all but embedding and head; those whose name ends so; a pattern. */
export type LoraTargets = "all-linear" | readonly string[] | (string & {});

/** What a pair is made of. */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  /** The product is scaled by alpha/√rank in place of alpha/rank (Kalajdzievski 2023). */
  readonly rsLora: boolean;
  readonly targets: LoraTargets;
}

/** What B·A·x is multiplied by. */
export const loraScale = ({ rank, alpha, rsLora }: LoraConfig): number => alpha / (rsLora ? Math.sqrt(rank) : rank);

/** An adapter as a model is made with it. */
export interface AdapterSpec {
  /** What requests call it by. */
  readonly name: string;
  readonly lora: LoraConfig;
  /** Seed of A's initial values; B begins with zeros. null: the numbers are written next. */
  readonly seed: number | null;
}

/** Where the pairs of an adapter are declared. */
export interface PairSet {
  matrix(spec: ParameterSpec): Weight;
}

/** An adapter of one model: pairs for its matrices, in a set of their own. */
export interface Adapter<S extends PairSet = PairSet> {
  readonly name: string;
  readonly lora: LoraConfig;
  /** A [r,K] and B [N,r] of every adapted part, under PEFT's names. All of it trains. */
  readonly parameters: S;
}

/** The adapters of a model, and which of them its products use. */
export class Adapters<S extends PairSet = PairSet> {
  /** The one in use; null: the base alone. */
  active: Adapter<S> | null;
  private readonly targets: readonly TargetChoice[];

  constructor(readonly all: readonly Adapter<S>[]) {
    this.active = all[0] ?? null;
    this.targets = all.map(({ lora }) => new TargetChoice(lora.targets));
  }

  /** Which of the parts of a matrix each adapter changes. */
  of(spec: ParameterSpec, parts: readonly StoredPart[]): { adapter: Adapter<S>; isAdapted: readonly boolean[] }[] {
    return this.all.map((adapter, i) => ({
      adapter,
      isAdapted: parts.map(({ name }) => this.targets[i].of(name, spec)),
    }));
  }

  /** Throws ConfigError for a target that no matrix has. */
  refuseUnusedTargets(): void {
    for (const each of this.targets) each.refuseUnused();
  }
}

const VOCABULARY = /^(model\.embed_tokens|lm_head)\.weight$/;
const moduleOf = (tensor: string): string => tensor.replace(/\.weight$/, "");

/** PEFT's names of the pair for a stored tensor (peft/utils/save_and_load.py). */
export const pairNames = (tensor: string): { readonly a: string; readonly b: string } => ({
  a: `base_model.model.${moduleOf(tensor)}.lora_A.weight`,
  b: `base_model.model.${moduleOf(tensor)}.lora_B.weight`,
});

/** The stored tensor that a pair's tensor belongs to; undefined for a name of another kind. */
export function adaptedTensor(name: string): string | undefined {
  const module = /^base_model\.model\.(.+)\.lora_[AB]\.weight$/.exec(name)?.[1];
  return module && `${module}.weight`;
}

/** Decides for one matrix after the other, and then refuses targets that chose none. */
class TargetChoice {
  private readonly unused: Set<string>;
  private readonly pattern: RegExp | null;

  constructor(private readonly targets: LoraTargets) {
    const isPattern = typeof targets === "string" && targets !== "all-linear";
    this.unused = new Set(typeof targets === "string" ? [targets] : targets);
    this.pattern = isPattern ? patternOf(targets) : null;
    if (this.unused.size === 0) throw new ConfigError("lora.targets: expected at least one name, got an empty list");
  }

  of(tensor: string, spec: ParameterSpec): boolean {
    const module = moduleOf(tensor);
    const chosen = this.namesOf(module);
    if (chosen === undefined) return false;
    const isOther = VOCABULARY.test(tensor) || spec.alwaysF32 === true;
    if (this.targets === "all-linear" && isOther) return false;
    if (isOther)
      throw new ConfigError(
        `lora.targets: "${chosen}" names ${module}; embedding, head and routers cannot be adapted: name projections`,
      );
    this.unused.delete(chosen);
    return true;
  }

  refuseUnused(): void {
    const [target] = this.unused;
    if (target !== undefined)
      throw new ConfigError(
        `lora.targets: no matrix of the model matches "${target}"; expected names such as q_proj, or "all-linear"`,
      );
  }

  /** The target that chooses a module: peft/tuners/tuners_utils.py, `check_target_module_exists`. */
  private namesOf(module: string): string | undefined {
    const { targets, pattern } = this;
    if (targets === "all-linear") return targets;
    if (typeof targets === "string") return pattern?.test(module) ? targets : undefined;
    return targets.find((target) => module === target || module.endsWith(`.${target}`));
  }
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`);
  } catch (error) {
    throw new ConfigError(`lora.targets: "${text}" is no regular expression: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
