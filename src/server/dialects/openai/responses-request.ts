// The body of /responses, and the chat request that says the same: items of input become messages. Knows no path.
import { z } from "zod";
import type { ChatMessage } from "../../../tokenizer/index.js";
import { ApiError } from "../../api-error.js";
import { nullish } from "../../http/body.js";
import { PART, textOfParts } from "../../replies/text-of-parts.js";

const ITEM = z.looseObject({
  type: z.string().optional(),
  id: z.string().nullish(),
  role: z.string().optional(),
  content: z.union([z.string(), z.array(PART)]).nullish(),
  summary: z.array(PART).nullish(),
  call_id: z.string().optional(),
  name: z.string().optional(),
  arguments: z.string().optional(),
  /** Of a call of a tool whose arguments are one text. */
  input: z.string().optional(),
  output: z.union([z.string(), z.array(PART)]).optional(),
});
type Item = z.output<typeof ITEM>;

const NAMED_TOOL = z.looseObject({ type: z.string(), name: z.string().optional() });
const TOOL_CHOICE = NAMED_TOOL.extend({ mode: z.unknown().optional(), tools: z.array(NAMED_TOOL).optional() });

/** The body. */
export const RESPONSES_REQUEST = z.looseObject({
  model: nullish(z.string()),
  input: z.union([z.string(), z.array(ITEM).min(1)], "expected text, or a list of items"),
  instructions: nullish(z.string()),
  previous_response_id: nullish(z.string()),
  store: nullish(z.boolean()),
  stream: nullish(z.boolean()),
  background: nullish(z.boolean()),
  conversation: nullish(z.unknown()),
  prompt: nullish(z.unknown()),
  max_output_tokens: nullish(z.number().int().min(1)),
  temperature: nullish(z.number()),
  top_p: nullish(z.number()),
  presence_penalty: nullish(z.number()),
  frequency_penalty: nullish(z.number()),
  top_logprobs: nullish(z.number().int().min(0).max(20)),
  tools: nullish(z.array(NAMED_TOOL)),
  tool_choice: nullish(z.union([z.string(), TOOL_CHOICE], "expected a word, or an object with a type")),
  parallel_tool_calls: nullish(z.boolean()),
  reasoning: nullish(z.looseObject({ effort: nullish(z.string()), summary: nullish(z.string()) })),
  text: nullish(z.looseObject({ format: nullish(z.looseObject({ type: z.string() })) })),
  metadata: nullish(z.record(z.string(), z.unknown())),
  include: nullish(z.array(z.string())),
  safety_identifier: nullish(z.string()),
  prompt_cache_key: nullish(z.string()),
  seed: nullish(z.number()),
});

/** What is read of a body. */
export type ResponsesRequest = z.output<typeof RESPONSES_REQUEST>;

/** The chat request of a body, behind the messages of the response it goes on from. To be checked as one. */
export function chatRequestOf(body: ResponsesRequest, before: readonly ChatMessage[]): object {
  refuseUnsupported(body);
  const { format } = body.text ?? {};
  return {
    messages: [
      ...(body.instructions === undefined ? [] : [{ role: "system", content: body.instructions }]),
      ...before,
      ...messagesOf(body.input),
    ],
    max_completion_tokens: body.max_output_tokens,
    temperature: body.temperature,
    top_p: body.top_p,
    presence_penalty: body.presence_penalty,
    frequency_penalty: body.frequency_penalty,
    seed: body.seed,
    ...(wantsLogProbs(body) && { logprobs: true, top_logprobs: body.top_logprobs }),
    tools: body.tools?.flatMap((tool) => (tool.type === "function" ? [{ type: "function", function: tool }] : [])),
    tool_choice: choiceOf(body.tool_choice),
    parallel_tool_calls: body.parallel_tool_calls,
    reasoning_effort: body.reasoning?.effort,
    ...(format && { response_format: format.type === "json_schema" ? { ...format, json_schema: format } : format }),
  };
}

function refuseUnsupported({ background, conversation, prompt }: ResponsesRequest): void {
  const refuse = (param: string, message: string) => {
    throw new ApiError("invalid", `${param}: ${message}`, { param });
  };
  if (background) refuse("background", "responses are made while the client waits; leave it out");
  if (conversation !== undefined) refuse("conversation", "none are kept here; go on from previous_response_id");
  if (prompt !== undefined) refuse("prompt", "none are kept here; send its text in instructions and input");
}

/** Whether log-probabilities of the answer are asked for. */
export const wantsLogProbs = ({ include, top_logprobs: top }: ResponsesRequest): boolean =>
  include?.includes("message.output_text.logprobs") || (top ?? 0) > 0;

/** Functions as chat requests name them. Kinds that only their maker can run leave the choice to the model. */
function choiceOf(choice: ResponsesRequest["tool_choice"]): unknown {
  if (choice === undefined || typeof choice === "string") return choice;
  const { type, mode, tools = [] } = choice;
  if (type === "allowed_tools") return { type, allowed_tools: { mode, tools: tools.map(namedFunction) } };
  return type === "function" ? namedFunction(choice) : "auto";
}

const namedFunction = ({ type, name }: z.output<typeof NAMED_TOOL>) => ({
  type,
  ...(type === "function" && { function: { name } }),
});

/** A body whose input has, in place of each item that it only names, what `find` gives for its id. */
export function withNamedItems(body: ResponsesRequest, find: (id: string, param: string) => object): ResponsesRequest {
  if (typeof body.input === "string") return body;
  const input = body.input.map((item, place) =>
    item.type === "item_reference" && item.id ? (find(item.id, `input[${place}]`) as Item) : item,
  );
  return { ...body, input };
}

/** What an item adds to an assistant's turn. */
interface TurnPart {
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly call?: object;
}

/** Messages of input items: what an assistant thought, said and called in one turn is one message. */
export function messagesOf(input: ResponsesRequest["input"]): ChatMessage[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  const messages: ChatMessage[] = [];
  for (const [place, item] of input.entries()) addItem(messages, item, place);
  return messages.map(({ isOpen: _, ...message }) => message as ChatMessage);
}

function addItem(messages: ChatMessage[], item: Item, place: number): void {
  const { type = "message", role = "user", call_id: id, name = "" } = item;
  if (type === "message" && role !== "assistant")
    messages.push({ role, content: textOfParts(item.content ?? [], `input[${place}].content`) });
  else if (type === "message") join(messages, { content: textOfParts(item.content ?? [], `input[${place}].content`) });
  else if (type === "reasoning")
    join(messages, { reasoning_content: textOfParts(item.content ?? item.summary ?? [], `input[${place}]`) });
  else if (type === "function_call")
    join(messages, { call: { id, type: "function", function: { name, arguments: item.arguments ?? "" } } });
  else if (type === "custom_tool_call")
    join(messages, { call: { id, type: "function", function: { name, arguments: textArguments(item.input) } } });
  else if (type === "function_call_output" || type === "custom_tool_call_output")
    messages.push({
      role: "tool",
      content: textOfParts(item.output ?? [], `input[${place}].output`),
      tool_call_id: id,
    });
  else
    throw new ApiError("invalid", `input[${place}]: items of type ${type} are not taken`, {
      param: `input[${place}].type`,
    });
}

/** Arguments of a call that are one text, as a function would have them. */
const textArguments = (input = ""): string => JSON.stringify({ input });

/** Adds to the assistant's turn that is open, or opens one. */
function join(messages: ChatMessage[], { content, reasoning_content: thought, call }: TurnPart): void {
  const isOpen = messages.at(-1)?.isOpen === true;
  const turn = (isOpen ? messages.pop() : { role: "assistant", content: null, isOpen: true }) as ChatMessage;
  messages.push({
    ...turn,
    ...(content !== undefined && { content: paragraphs(turn.content, content) }),
    ...(thought !== undefined && { reasoning_content: paragraphs(turn.reasoning_content, thought) }),
    ...(call && { tool_calls: [...((turn.tool_calls ?? []) as object[]), call] }),
  });
}

const paragraphs = (before: unknown, text: string): string => (before ? `${before}\n\n${text}` : text);
