// The body of /chat/completions: what is taken, within which ranges, and the task it stands for. Fields that nobody
// here knows are let be, as clients send many. Knows no path.
import { z } from "zod";
import type { ChatMessage } from "../../../tokenizer/index.js";
import { ApiError } from "../../api-error.js";
import { nullish } from "../../http/body.js";
import { EFFORTS, type Effort, thinkingByEffort } from "../../replies/efforts.js";
import type { ChatTask, ToolChoice } from "../../replies/task.js";
import { textOfParts } from "../../replies/text-of-parts.js";
import { SAMPLING_FIELDS, samplingOf } from "./sampling-fields.js";

const TEXT_PART = z.looseObject({ type: z.string(), text: z.string().optional() });
const CONTENT = z.union([z.string(), z.array(TEXT_PART)], "expected text, or a list of text parts");

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

const NAME = z.string().regex(/^[a-zA-Z0-9_.:-]{1,128}$/, "expected a name of letters, digits, _, -, . or :");
const TOOL = z.looseObject({
  type: z.string(),
  function: z
    .looseObject({
      name: NAME,
      description: z.string().nullish(),
      parameters: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish(),
    })
    .optional(),
});
const TOOL_CHOICE = z.union(
  [
    z.enum(["none", "auto", "required"]),
    z.looseObject({ type: z.literal("function"), function: z.looseObject({ name: z.string() }) }),
  ],
  'expected "none", "auto", "required" or {"type": "function", "function": {"name": …}}',
);

const RESPONSE_FORMAT = z.union(
  [
    z.looseObject({ type: z.literal("text") }),
    // llama.cpp's clients give a schema beside it.
    z.looseObject({ type: z.literal("json_object"), schema: nullish(z.record(z.string(), z.unknown())) }),
    z.looseObject({
      type: z.literal("json_schema"),
      json_schema: z.looseObject({ name: z.string().optional(), schema: z.record(z.string(), z.unknown()) }),
    }),
  ],
  "expected type text, json_object, or json_schema with json_schema.schema",
);

/** The body. */
export const CHAT_REQUEST = z.looseObject({
  ...SAMPLING_FIELDS,
  model: nullish(z.string()),
  messages: z.array(MESSAGE).min(1, "expected at least one message"),
  max_tokens: nullish(z.number().int().min(1)),
  max_completion_tokens: nullish(z.number().int().min(1)),
  logprobs: nullish(z.boolean()),
  top_logprobs: nullish(z.number().int().min(0).max(20)),
  response_format: nullish(RESPONSE_FORMAT),
  tools: nullish(z.array(TOOL).max(1024)),
  tool_choice: nullish(TOOL_CHOICE),
  parallel_tool_calls: nullish(z.boolean()),
  reasoning_effort: nullish(z.enum(Object.keys(EFFORTS) as [Effort])),
  /** DeepSeek's switch. */
  thinking: nullish(
    z.looseObject({
      type: z.enum(["enabled", "disabled", "adaptive"]),
      budget_tokens: nullish(z.number().int().min(0)),
    }),
  ),
  /** Tokens of thinking at most. */
  thinking_budget: nullish(z.number().int().min(0)),
  chat_template_kwargs: nullish(z.record(z.string(), z.unknown())),
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
  const tools = toolsOf(body);
  const last = body.messages.at(-1);
  return {
    kind: "chat",
    messages: body.messages.map(messageOf),
    tools,
    toolChoice: choiceOf(body),
    parallelCalls: body.parallel_tool_calls ?? true,
    continuesLast: last?.role === "assistant",
    ...thinkingOf(body),
    sampling: { ...samplingOf(body), ...lengthOf(body), ...budgetOf(body), ...logProbsOf(body), ...schemaOf(body) },
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

/** Tools of kinds that only their maker can run are let be. */
const toolsOf = ({ tools = [] }: ChatRequest): ChatTask["tools"] =>
  tools.flatMap(({ type, function: given }, i) => {
    if (type !== "function") return [];
    if (!given) throw new ApiError("invalid", `tools[${i}].function: expected a function`, { param: `tools[${i}]` });
    const { name, description, parameters, strict } = given;
    return [
      { name, description: description ?? undefined, parameters: parameters ?? undefined, strict: strict ?? false },
    ];
  });

const choiceOf = ({ tool_choice: choice = "auto" }: ChatRequest): ToolChoice =>
  typeof choice === "string" ? choice : { name: choice.function.name };

function thinkingOf({ thinking, reasoning_effort: effort, chat_template_kwargs: variables }: ChatRequest) {
  const asked = thinkingByEffort(effort, thinking && thinking.type !== "disabled");
  return { thinks: asked.thinks, variables: { ...asked.variables, ...variables } };
}

function budgetOf({ thinking, thinking_budget: asked, reasoning_effort: effort }: ChatRequest) {
  const thinkBudget = asked ?? thinking?.budget_tokens ?? thinkingByEffort(effort).thinkBudget;
  return thinkBudget === undefined ? {} : { thinkBudget };
}

const lengthOf = ({ max_tokens: most, max_completion_tokens: mostNow }: ChatRequest) => ({
  maxTokens: mostNow ?? most,
});

const logProbsOf = ({ top_logprobs: topLogProbs }: ChatRequest) => (topLogProbs ? { topLogProbs } : {});

function schemaOf({ response_format: format }: ChatRequest) {
  if (format?.type === "json_object") return { schema: format.schema ?? { type: "object" } };
  return format?.type === "json_schema" ? { schema: format.json_schema.schema } : {};
}
