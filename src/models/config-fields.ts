// Fields of config.json that families share, as schemas in Hugging Face's names. Knows no family.
// Fields and defaults: huggingface/transformers v5.23, models/*/configuration_*.py.
import { z } from "zod";
import { ropeScalingSchema } from "./rope-scaling.js";

// Far above every published model, so that a damaged file cannot ask for more names and tensors than memory holds.
const MAX_WIDTH = 2 ** 24;
/** The most layers taken. */
export const MAX_LAYERS = 1024;
/** The most experts of a layer taken. */
export const MAX_EXPERTS = 4096;
const MAX_EXPERTS_OF_ALL_LAYERS = 65536;

/** A size. */
export const count = z.int().min(1).max(MAX_WIDTH);
/** A size that may be none. */
export const countOrZero = z.int().min(0).max(MAX_WIDTH);
/** A size that may be none, also said by null. */
export const countOrNone = countOrZero.nullable().transform((n) => n ?? 0);
/** A number of positions. */
export const numPositions = z.int().min(1);
/** A number above zero. */
export const positive = z.number().positive();
/** A token; −1 stands for none in some files. */
const tokenId = z
  .int()
  .min(-1)
  .transform((id) => (id < 0 ? null : id))
  .nullish();

/** What every family's configuration has. */
export const common = {
  architectures: z.array(z.string()).optional(),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count.max(MAX_LAYERS),
  num_attention_heads: count,
  hidden_act: z.literal("silu").default("silu"),
  max_position_embeddings: numPositions,
  initializer_range: z.number().min(0).default(0.02),
  rms_norm_eps: positive.default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  rope_theta: positive.default(10000),
  rope_scaling: ropeScalingSchema.nullable().default(null),
  /** Of information alone: each tensor says its own type. */
  torch_dtype: z.string().optional(),
  bos_token_id: tokenId,
  eos_token_id: z.union([tokenId, z.array(z.int().min(0))]),
  pad_token_id: tokenId,
};

/** What every configuration has, defaults filled in; the names of activations are the families' affair. */
export type CommonFields = Omit<z.infer<z.ZodObject<typeof common>>, "hidden_act">;

/** Any supported configuration. `model_type` says of which family; keys that no family reads are kept. */
export type HfConfig = CommonFields & {
  readonly model_type: string;
  readonly [key: string]: unknown;
};

/** The end of the names of classes in `transformers` whose models give numbers for a text, not for its next token. */
const SCORER = "ForSequenceClassification";

/** Whether a model has a score head, one number for a text, in place of a head over the vocabulary. */
export const scoresTexts = ({ architectures }: Pick<HfConfig, "architectures">): boolean =>
  architectures?.[0]?.endsWith(SCORER) ?? false;

/** The class with a score head beside a class that continues texts. */
export const scorerBeside = (architecture: string): string => architecture.replace(/ForCausalLM$/, SCORER);

/** Collects what does not hold, in words. */
export class Demands {
  readonly problems: string[] = [];

  /** Notes the problem unless the demand holds. */
  demand(holds: boolean, problem: string): void {
    if (!holds) this.problems.push(problem);
  }

  /** Experts of so many layers must be countable, and no token may choose more than there are. */
  demandExperts(layers: number, experts: number, active: number, expertsKey: string): void {
    this.demand(
      layers * experts <= MAX_EXPERTS_OF_ALL_LAYERS,
      `${layers} layers of ${experts} experts exceed the maximum of ${MAX_EXPERTS_OF_ALL_LAYERS} in total`,
    );
    this.demand(active <= experts, `num_experts_per_tok ${active} must not exceed ${expertsKey} ${experts}`);
  }
}
