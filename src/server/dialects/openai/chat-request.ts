// The body of /chat/completions: what is taken, within which ranges, and the task it stands for. Fields that nobody
// here knows are let be, as clients send many. Knows no path.
import { z } from "zod";
import type { ChatMessage } from "../../../tokenizer/index.js";
import { ApiError } from "../../api-error.js";
import { nullish } from "../../http/body.js";
import type { ChatTask } from "../../replies/task.js";
import { PART, textOfParts } from "../../replies/text-of-parts.js";
import { FORM_FIELDS, refuseOtherBonds, schemaOf } from "./answer-form.js";
import { SAMPLING_FIELDS, samplingOf } from "./sampling-fields.js";
import { THINKING_FIELDS, thinkBudgetOf, thinkingTask } from "./thinking-request.js";
import { TOOL_FIELDS, toolTask } from "./tools-request.js";

const CONTENT = z.union([z.string(), z.array(PART)], "expected text, or a list of text parts");

const CALL = z.looseObject({
  id: z.string().optional(),
  type: z.string().default("function"),
  function: z.looseObject({
    name: z.string(),
    // Some clients send them as an object.
    arguments: z
      .union([z.string(), z.record(z.string(), z.unknown())])
      .transform((given) => (typeof given === "string" ? given : JSON.stringify(given))),
  }),
});

const MESSAGE = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: CONTENT.nullish(),
  name: z.string().nullish(),
  tool_call_id: z.string().nullish(),
  tool_calls: z.array(CALL).nullish(),
  /** Thoughts of earlier turns, by either name. */
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
  /** DeepSeek: the last message is the beginning of the answer. */
  prefix: z.boolean().nullish(),
});

/** The body. */
export const CHAT_REQUEST = z.looseObject({
  ...SAMPLING_FIELDS,
  ...FORM_FIELDS,
  ...TOOL_FIELDS,
  ...THINKING_FIELDS,
  model: nullish(z.string()),
  messages: z.array(MESSAGE).min(1, "expected at least one message"),
  max_tokens: nullish(z.number().int().min(1)),
  max_completion_tokens: nullish(z.number().int().min(1)),
  logprobs: nullish(z.boolean()),
  top_logprobs: nullish(z.number().int().min(0).max(20)),
  /** Whether a last message of the assistant is the beginning of the answer; default: it is. */
  continue_final_message: nullish(z.boolean()),
  add_generation_prompt: nullish(z.boolean()),
  /** Where the thought is told; llama.cpp's names for the first and the last are taken too. */
  reasoning_format: nullish(z.enum(["reasoning_content", "reasoning", "both", "raw", "deepseek", "none", "auto"])),
  functions: nullish(z.array(z.unknown())),
  audio: nullish(z.unknown()),
  modalities: nullish(z.array(z.string())),
});

/** What is read of a body. */
export type ChatRequest = z.output<typeof CHAT_REQUEST>;

/** The task of a body. Throws ApiError for what cannot be had. */
export function taskOfChat(body: ChatRequest): ChatTask {
  refuseUnsupported(body);
  refuseOtherBonds(body);
  return {
    kind: "chat",
    messages: body.messages.map(messageOf),
    ...toolTask(body),
    continuesLast: continuesLast(body),
    ...thinkingTask(body),
    sampling: {
      ...samplingOf(body),
      ...lengthOf(body),
      ...thinkBudgetOf(body),
      ...logProbsOf(body),
      ...schemaOf(body),
    },
    numChoices: body.n ?? 1,
  };
}

function refuseUnsupported({ functions, audio, modalities, logprobs, top_logprobs: top, messages }: ChatRequest): void {
  const refuse = (param: string, message: string) => {
    throw new ApiError("invalid", `${param}: ${message}`, { param, code: "unsupported_value" });
  };
  if (functions) refuse("functions", "this older form is not taken; describe them in tools");
  if (audio || modalities?.some((each) => each !== "text"))
    refuse("modalities", "this server makes text alone; leave out audio and other modalities");
  if (top !== undefined && top > 0 && !logprobs) refuse("top_logprobs", "it needs logprobs: true");
  const misplaced = messages.findIndex(({ prefix }, i) => prefix && i < messages.length - 1);
  if (misplaced >= 0)
    refuse(`messages[${misplaced}].prefix`, "only the last message can be the beginning of the answer");
  if (messages.at(-1)?.prefix && messages.at(-1)?.role !== "assistant")
    refuse(`messages[${messages.length - 1}].prefix`, "only an assistant's message can be the beginning of the answer");
}

function messageOf(message: z.output<typeof MESSAGE>, place: number): ChatMessage {
  const { role, content, name, tool_call_id, tool_calls, reasoning_content, reasoning } = message;
  const thought = reasoning_content ?? reasoning;
  const text = content === null || content === undefined ? null : textOfParts(content, `messages[${place}].content`);
  if (text === null && role !== "assistant")
    throw new ApiError("invalid", `messages[${place}].content: expected text`, { param: `messages[${place}].content` });
  return {
    role: role === "developer" ? "system" : role,
    content: text,
    ...(name && { name }),
    ...(tool_call_id && { tool_call_id }),
    ...(tool_calls && tool_calls.length > 0 && { tool_calls }),
    ...(thought && { reasoning_content: thought }),
  };
}

/** As `transformers` and vLLM have it, but for the default. */
function continuesLast({
  messages,
  continue_final_message: asked,
  add_generation_prompt: opens,
}: ChatRequest): boolean {
  const isPossible = messages.at(-1)?.role === "assistant";
  if (!asked) return isPossible && asked === undefined;
  const refuse = (message: string) => {
    throw new ApiError("invalid", `continue_final_message: ${message}`, { param: "continue_final_message" });
  };
  if (opens) refuse("add_generation_prompt says the contrary; leave one out");
  if (!isPossible) refuse("only an assistant's message can be the beginning of the answer");
  return true;
}

const lengthOf = ({ max_tokens: most, max_completion_tokens: mostNow }: ChatRequest) => ({
  maxTokens: mostNow ?? most,
});

const logProbsOf = ({ logprobs, top_logprobs: topLogProbs = 0 }: ChatRequest) => (logprobs ? { topLogProbs } : {});
