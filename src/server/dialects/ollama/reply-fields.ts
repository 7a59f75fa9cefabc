// The fields by which Ollama's requests say how a reply is made, and what they mean here. Knows no path.
import { z } from "zod";
import type { ChatSampling } from "../../../inference/index.js";
import { ApiError } from "../../api-error.js";
import { nullish } from "../../http/body.js";
import { thinkingByEffort } from "../../replies/efforts.js";
import type { ChatTask } from "../../replies/task.js";

const STOP = z.string().min(1, "expected no empty stop text");

/** How tokens are drawn. Options about how Ollama runs a model, such as num_ctx, have no effect. */
const OPTIONS = z.looseObject({
  temperature: nullish(z.number().min(0)),
  top_p: nullish(z.number().min(0).max(1)),
  top_k: nullish(z.number().int().min(-1)),
  min_p: nullish(z.number().min(0).max(1)),
  seed: nullish(z.number().int().refine(Number.isSafeInteger, "expected a safe integer")),
  num_predict: nullish(z.number().int().min(-2)),
  stop: nullish(z.union([STOP, z.array(STOP).max(16)])),
  repeat_penalty: nullish(z.number().gt(0).max(2)),
  presence_penalty: nullish(z.number().min(-2).max(2)),
  frequency_penalty: nullish(z.number().min(-2).max(2)),
});

/** Fields that chats and texts have in common; null counts as left out. */
export const REPLY_FIELDS = {
  model: z.string(),
  stream: nullish(z.boolean()),
  format: nullish(
    z.union([z.literal(""), z.literal("json"), z.record(z.string(), z.unknown())], 'expected "json" or a JSON schema'),
  ),
  think: nullish(
    z.union([z.boolean(), z.enum(["low", "medium", "high"])], 'expected true, false, "low", "medium" or "high"'),
  ),
  keep_alive: nullish(z.union([z.number(), z.string()])),
  options: nullish(OPTIONS),
  logprobs: nullish(z.boolean()),
  top_logprobs: nullish(z.number().int().min(0).max(20)),
};

/** What is read of these fields. */
export type ReplyFields = z.output<z.ZodObject<typeof REPLY_FIELDS>>;

/** Whether the model shall think, and how hard. */
export function thinkingOf({ think }: ReplyFields): Pick<ChatTask, "thinks" | "variables"> {
  if (typeof think !== "string") return { thinks: think };
  return { thinks: true, variables: thinkingByEffort(think).variables };
}

/** How the runtime draws for these fields. */
export function samplingOf({ format, options, think, logprobs, top_logprobs: top }: ReplyFields): ChatSampling {
  const thinkBudget = typeof think === "string" ? thinkingByEffort(think).thinkBudget : undefined;
  const schema = format === "json" ? { type: "object" } : format || undefined;
  return {
    ...(options && drawnBy(options)),
    ...(thinkBudget !== undefined && { thinkBudget }),
    ...(schema && { schema }),
    ...((logprobs || top) && { topLogProbs: top ?? 0 }),
  };
}

function drawnBy(options: NonNullable<ReplyFields["options"]>): ChatSampling {
  const { top_p: topP, top_k: topK, stop, num_predict: most = -1 } = options;
  return {
    temperature: options.temperature,
    // No mass at all is the likeliest token alone.
    topP: topP === 0 ? undefined : topP,
    topK: topP === 0 ? 1 : topK === -1 ? 0 : topK,
    minP: options.min_p,
    presencePenalty: options.presence_penalty,
    frequencyPenalty: options.frequency_penalty,
    repetitionPenalty: options.repeat_penalty,
    seed: options.seed,
    stop: stop === undefined ? undefined : [stop].flat(),
    maxTokens: most < 0 ? undefined : Math.max(1, most),
  };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** Seconds of a `keep_alive`: a number of seconds, or a text such as "5m" or "1h30m". Negative: for ever. */
export function keepAliveSeconds(given: string | number | undefined): number | undefined {
  if (given === undefined) return undefined;
  const seconds = typeof given === "number" ? given : durationSeconds(given);
  if (Number.isFinite(seconds)) return seconds < 0 ? -1 : seconds;
  throw new ApiError(
    "invalid",
    `keep_alive: expected seconds, or a duration such as "5m", got ${JSON.stringify(given)}`,
    {
      param: "keep_alive",
    },
  );
}

function durationSeconds(text: string): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  if (!/^-?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return Number.NaN;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNIT_SECONDS[unit], 0);
  return text.startsWith("-") ? -1 : total;
}
