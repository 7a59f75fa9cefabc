// The body of /completions: texts that the model goes on with as they stand. Knows no path.
import { z } from "zod";
import { ApiError } from "../../api-error.js";
import { nullish } from "../../http/body.js";
import type { TextTask } from "../../replies/task.js";
import { refuseOtherBonds } from "./answer-form.js";
import { SAMPLING_FIELDS, samplingOf } from "./sampling-fields.js";

const IDS = z.array(z.number().int().min(0)).min(1);
const PROMPT = z.union(
  [z.string(), z.array(z.string()).min(1).max(128), IDS, z.array(IDS).min(1).max(128)],
  "expected a text, token ids, or a list of either",
);
/** As OpenAI has it: a text that says nothing of its length goes on for so many tokens. */
const DEFAULT_MAX_TOKENS = 16;

/** The body. */
export const TEXT_REQUEST = z.looseObject({
  ...SAMPLING_FIELDS,
  model: nullish(z.string()),
  prompt: PROMPT,
  max_tokens: nullish(z.number().int().min(1)),
  logprobs: nullish(z.number().int().min(0).max(20)),
  echo: nullish(z.boolean()),
  suffix: nullish(z.string()),
  best_of: nullish(z.number().int().min(1)),
});

/** What is read of a body. */
export type TextRequest = z.output<typeof TEXT_REQUEST>;

/** One task for each prompt. Throws ApiError for what cannot be had. */
export function tasksOfTexts(body: TextRequest): TextTask[] {
  const { n = 1, best_of: best = n, logprobs, echo, suffix, max_tokens: maxTokens = DEFAULT_MAX_TOKENS } = body;
  const refuse = (param: string, message: string) => {
    throw new ApiError("invalid", `${param}: ${message}`, { param, code: "unsupported_value" });
  };
  refuseOtherBonds(body);
  if (suffix) refuse("suffix", "filling in between two texts is not offered; leave it out");
  if (best !== n) refuse("best_of", "it must equal n: all completions are given");
  if (echo && logprobs !== undefined) refuse("echo", "log-probabilities of the prompt are not offered; leave one out");
  const sampling = { ...samplingOf(body), maxTokens, ...(logprobs && { topLogProbs: logprobs }) };
  return promptsOf(body.prompt).map((prompt) => ({ kind: "text", prompt, sampling, numChoices: n }));
}

/** The prompts of a body, one or several. */
export function promptsOf(prompt: TextRequest["prompt"]): (string | readonly number[])[] {
  if (typeof prompt === "string") return [prompt];
  return typeof prompt[0] === "number" ? [prompt as number[]] : (prompt as (string | number[])[]);
}
