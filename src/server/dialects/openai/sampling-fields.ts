// The fields by which OpenAI's requests say how tokens are drawn, and what they mean here. Knows no path.
import { z } from "zod";
import type { ChatSampling } from "../../../inference/index.js";
import { nullish } from "../../http/body.js";

/** Fields that completions of chats and texts have in common; null counts as left out. */
export const SAMPLING_FIELDS = {
  temperature: nullish(z.number().min(0).max(2)),
  top_p: nullish(z.number().min(0).max(1)),
  top_k: nullish(z.number().int().min(-1)),
  min_p: nullish(z.number().min(0).max(1)),
  presence_penalty: nullish(z.number().min(-2).max(2)),
  frequency_penalty: nullish(z.number().min(-2).max(2)),
  repetition_penalty: nullish(z.number().gt(0).max(2)),
  logit_bias: nullish(z.record(z.string().regex(/^\d+$/, "expected token ids as keys"), z.number().min(-100).max(100))),
  seed: nullish(z.number().int().refine(Number.isSafeInteger, "expected a safe integer")),
  stop: nullish(
    z.union([
      z.string().min(1, "expected no empty stop text"),
      z.array(z.string().min(1, "expected no empty stop text")).max(16),
    ]),
  ),
  n: nullish(z.number().int().min(1).max(128)),
  stream: nullish(z.boolean()),
  stream_options: nullish(z.looseObject({ include_usage: nullish(z.boolean()) })),
};

/** What is read of these fields. */
export type SamplingFields = z.output<z.ZodObject<typeof SAMPLING_FIELDS>>;

/** How the runtime draws for these fields. */
export function samplingOf(fields: SamplingFields): ChatSampling {
  const { top_p: topP, top_k: topK, logit_bias: bias, stop } = fields;
  return {
    temperature: fields.temperature,
    // No mass at all is the likeliest token alone.
    topP: topP === 0 ? undefined : topP,
    topK: topP === 0 ? 1 : topK === -1 ? 0 : topK,
    minP: fields.min_p,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    repetitionPenalty: fields.repetition_penalty,
    logitBias: bias && new Map(Object.entries(bias).map(([id, value]) => [Number(id), value])),
    seed: fields.seed,
    stop: stop === undefined ? undefined : [stop].flat(),
  };
}
