// Low-rank adapters (LoRA, Hu et al. 2021): what a pair is made of, which matrices get one, and their names in files.
// Knows no numbers, no file and no training.
import { ConfigError } from "../errors.js";
import type { ParameterSpec } from "./parameter-spec.js";

/** Which matrices are adapted, with PEFT's meaning: all but embedding and head; those whose name ends so; a pattern. */
export type LoraTargets = "all-linear" | readonly string[] | (string & {});

/** What a pair is made of. */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  /** The product is scaled by alpha/√rank in place of alpha/rank (Kalajdzievski 2023). */
  readonly rsLora: boolean;
  readonly targets: LoraTargets;
  /** Share of A's input that is dropped in training (see `Adapters.dropping`); default 0. */
  readonly dropout?: number;
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

/** Decides for one matrix after the other which are adapted, and then refuses targets that chose none. */
export class TargetChoice {
  private readonly unused: Set<string>;
  private readonly pattern: RegExp | null;

  constructor(private readonly targets: LoraTargets) {
    const isPattern = typeof targets === "string" && targets !== "all-linear";
    this.unused = new Set(typeof targets === "string" ? [targets] : targets);
    this.pattern = isPattern ? patternOf(targets) : null;
    if (this.unused.size === 0) throw new ConfigError("lora.targets: expected at least one name, got an empty list");
  }

  /** Whether a stored tensor is adapted. Throws ConfigError for a target that names what cannot be. */
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

  /** Throws ConfigError for a target that chose nothing. */
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
