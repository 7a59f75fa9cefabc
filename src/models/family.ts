// What a model family is: everything that is particular to one `model_type`, in one record. Knows no family.
import type { z } from "zod";
import type { HfConfig } from "./config-fields.js";
import type { GgufTable } from "./gguf-table.js";
import type { LanguageModel, ModelOptions } from "./language-model.js";

/** A configuration as config.json has it, not checked yet. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** One architecture: its configuration, how it is built, how GGUF names its parts, and what was released of it. */
export interface ModelFamily<C extends HfConfig = HfConfig> {
  /** `model_type` in config.json. */
  readonly modelType: C["model_type"];
  /** The class in `transformers`, for `architectures`. */
  readonly architecture: string;
  /** The class with a score head, where it is not called as `architecture` is. */
  readonly scorerArchitecture?: string;
  /** The fields that are read, with their defaults. */
  readonly schema: z.ZodObject;
  /** Brings a file's own spellings to those that are read, before anything else. */
  prepare?(raw: RawConfig): RawConfig;
  /** Other names that fields have in some files. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Fills in what follows from other fields. */
  complete?(config: C): C;
  /** Values that contradict each other, in words. */
  conflicts(config: C): string[];
  build(config: C, options: ModelOptions): LanguageModel;
  readonly gguf: GgufTable<C>;
  /** Whether `num_nextn_predict_layers` counts layers of multi-token prediction. */
  readonly predictsAhead?: boolean;
  /** Shapes of released models by the name under which `random:` offers them, as their config.json files give them. */
  readonly published: Readonly<Record<string, RawConfig>>;
}
