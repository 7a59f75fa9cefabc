// The body of /messages: what is taken, within which ranges, and the task it stands for. Fields that nobody here knows
// are let be, as clients send many. Knows no path.
import { z } from "zod";
import type { ChatMessage } from "../../../tokenizer/index.js";
import { nullish } from "../../http/body.js";
import { EFFORTS, type Effort, thinkingByEffort } from "../../replies/efforts.js";
import type { ChatTask, ToolChoice } from "../../replies/task.js";
import { PART, textOfParts } from "../../replies/text-of-parts.js";

const BLOCK = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  thinking: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.record(z.string(), z.unknown()).optional(),
  tool_use_id: z.string().optional(),
  /** Of a document, with what it holds. */
  title: z.string().nullish(),
  source: z.unknown().optional(),
  content: z.union([z.string(), z.array(PART)]).nullish(),
});
type Block = z.output<typeof BLOCK>;
const CONTENT = z.union([z.string(), z.array(BLOCK.transform(readable))], "expected text, or a list of blocks");
const DOCUMENT_SOURCE = z.union([
  z.object({ type: z.literal("text"), data: z.string() }).transform(({ data }) => data),
  z
    .object({ type: z.literal("content"), content: z.union([z.string(), z.array(PART)]) })
    .transform(({ content }) => textOfParts(content, "source.content")),
]);

/** A document that is text has text as others do, under its title. */
function readable(block: Block): Block {
  const { data } = block.type === "document" ? DOCUMENT_SOURCE.safeParse(block.source) : {};
  return data === undefined ? block : { ...block, text: [block.title ?? [], data].flat().join("\n\n") };
}

const MESSAGE = z.looseObject({ role: z.enum(["user", "assistant", "system"]), content: CONTENT });

const TOOL = z.looseObject({
  type: z.string().nullish(),
  name: z.string().regex(/^[a-zA-Z0-9_.:-]{1,128}$/, "expected a name of letters, digits, _, -, . or :"),
  description: z.string().nullish(),
  input_schema: z.record(z.string(), z.unknown()).nullish(),
});
const TOOL_CHOICE = z.looseObject({
  type: z.enum(["auto", "any", "tool", "none"]),
  name: z.string().optional(),
  disable_parallel_tool_use: nullish(z.boolean()),
});
const FORMAT = z.looseObject({ type: z.literal("json_schema"), schema: z.record(z.string(), z.unknown()) });

/** The body. */
export const MESSAGES_REQUEST = z.looseObject({
  model: z.string(),
  messages: z.array(MESSAGE).min(1, "expected at least one message"),
  system: nullish(CONTENT),
  tools: nullish(z.array(TOOL).max(1024)),
  tool_choice: nullish(TOOL_CHOICE),
  thinking: nullish(
    z.looseObject({
      type: z.enum(["enabled", "disabled", "adaptive", "between_tools"]),
      budget_tokens: nullish(z.number().int().min(1)),
      /** "omitted" keeps the thought from the client. */
      display: nullish(z.string()),
    }),
  ),
  output_config: nullish(
    z.looseObject({ effort: nullish(z.enum(Object.keys(EFFORTS) as [Effort])), format: nullish(FORMAT) }),
  ),
  output_format: nullish(FORMAT),
  max_tokens: z.number().int().min(1),
  stream: nullish(z.boolean()),
  stop_sequences: nullish(z.array(z.string().min(1, "expected no empty stop text")).max(16)),
  temperature: nullish(z.number().min(0).max(1)),
  top_p: nullish(z.number().min(0).max(1)),
  top_k: nullish(z.number().int().min(0)),
});

/** The body of /messages/count_tokens. */
export const COUNT_REQUEST = MESSAGES_REQUEST.extend({ max_tokens: z.number().default(1) });

/** What is read of a body. */
export type MessagesRequest = z.output<typeof MESSAGES_REQUEST>;

/** The task of a body. Throws ApiError for what cannot be had. */
export function taskOfMessages(body: MessagesRequest): ChatTask {
  const { system, messages, tools = [], tool_choice: choice, thinking, output_config: output } = body;
  const asked = thinkingByEffort(output?.effort, thinking && thinking.type !== "disabled");
  const thinkBudget = thinking?.budget_tokens ?? asked.thinkBudget;
  const schema = (output?.format ?? body.output_format)?.schema;
  const { top_p: topP } = body;
  return {
    kind: "chat",
    messages: [...systemTurn(system), ...messages.flatMap(turnsOf)],
    // Tools of other types are run by Anthropic alone: they are let be.
    tools: tools
      .filter(({ type }) => (type ?? "custom") === "custom")
      .map(({ name, description, input_schema: parameters }) => ({
        name,
        description: description ?? undefined,
        parameters: parameters ?? undefined,
      })),
    toolChoice: choiceOf(choice),
    parallelCalls: !choice?.disable_parallel_tool_use,
    continuesLast: messages.at(-1)?.role === "assistant",
    thinks: asked.thinks,
    variables: asked.variables,
    sampling: {
      temperature: body.temperature,
      // No mass at all is the likeliest token alone.
      ...(topP === 0 ? { topK: 1 } : { topP, topK: body.top_k }),
      stop: body.stop_sequences,
      maxTokens: body.max_tokens,
      ...(thinkBudget !== undefined && { thinkBudget }),
      ...(schema && { schema }),
    },
    numChoices: 1,
  };
}

function choiceOf(choice: MessagesRequest["tool_choice"]): ToolChoice {
  if (choice === undefined) return "auto";
  if (choice.type === "any") return "required";
  return choice.type === "tool" ? { name: choice.name ?? "" } : choice.type;
}

const systemTurn = (system: MessagesRequest["system"]): ChatMessage[] =>
  system === undefined || system.length === 0 ? [] : [{ role: "system", content: textOfParts(system, "system") }];

/** A message as the turns of a chat template: each result of a tool is a turn of its own. */
function turnsOf({ role, content }: MessagesRequest["messages"][number], place: number): ChatMessage[] {
  const at = `messages[${place}].content`;
  if (role === "assistant") return [assistantTurn(typeof content === "string" ? [textBlock(content)] : content, at)];
  if (typeof content === "string") return [{ role, content }];
  const turns: ChatMessage[] = [];
  let said: Block[] = [];
  const flush = () => {
    if (said.length > 0) turns.push({ role, content: textOfParts(said, at) });
    said = [];
  };
  for (const [i, block] of content.entries()) {
    if (block.type !== "tool_result") said.push(block);
    else {
      flush();
      const text = textOfParts(block.content ?? "", `${at}[${i}].content`);
      turns.push({ role: "tool", content: text, ...(block.tool_use_id && { tool_call_id: block.tool_use_id }) });
    }
  }
  flush();
  return turns;
}

const textBlock = (text: string): Block => ({ type: "text", text });

/** Thoughts that are hidden (`redacted_thinking`) say nothing to this model and are left out. */
function assistantTurn(blocks: readonly Block[], at: string): ChatMessage {
  const of = (type: string) => blocks.filter((block) => block.type === type);
  const thought = of("thinking")
    .map(({ thinking = "" }) => thinking)
    .join("\n\n");
  const calls = of("tool_use").map(({ id, name = "", input = {} }) => ({
    id,
    type: "function",
    function: { name, arguments: JSON.stringify(input) },
  }));
  const others = blocks.filter(({ type }) => !["thinking", "redacted_thinking", "tool_use"].includes(type));
  return {
    role: "assistant",
    content: others.length === 0 && calls.length > 0 ? null : textOfParts(others, at),
    ...(thought !== "" && { reasoning_content: thought }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}
