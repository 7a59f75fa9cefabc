// The body of /api/chat and the task it stands for. Fields that nobody here knows are let be. Knows no path.
import { z } from "zod";
import type { ChatMessage } from "../../../tokenizer/index.js";
import { ApiError } from "../../api-error.js";
import { nullish } from "../../http/body.js";
import { newId } from "../../http/new-id.js";
import type { ChatTask } from "../../replies/task.js";
import { REPLY_FIELDS, samplingOf, thinkingOf } from "./reply-fields.js";

const CALL = z.looseObject({
  id: z.string().optional(),
  function: z.looseObject({ name: z.string(), arguments: nullish(z.record(z.string(), z.unknown())) }),
});
const MESSAGE = z.looseObject({
  role: z.enum(["system", "user", "assistant", "tool"]),
  content: nullish(z.string()),
  thinking: nullish(z.string()),
  images: nullish(z.array(z.unknown())),
  tool_calls: nullish(z.array(CALL)),
  tool_name: nullish(z.string()),
  tool_call_id: nullish(z.string()),
});
const TOOL = z.looseObject({
  type: nullish(z.string()),
  function: z.looseObject({
    name: z.string().regex(/^[a-zA-Z0-9_.:-]{1,128}$/, "expected a name of letters, digits, _, -, . or :"),
    description: nullish(z.string()),
    parameters: nullish(z.record(z.string(), z.unknown())),
  }),
});

/** The body. */
export const CHAT_REQUEST = z.looseObject({
  ...REPLY_FIELDS,
  messages: nullish(z.array(MESSAGE)),
  tools: nullish(z.array(TOOL).max(1024)),
});

/** What is read of a body. */
export type ChatRequest = z.output<typeof CHAT_REQUEST>;

/** The task of a body. Throws ApiError for what cannot be had. */
export function taskOfChat(body: ChatRequest): ChatTask {
  const { messages = [], tools = [] } = body;
  return {
    kind: "chat",
    messages: messages.map(messageOf),
    tools: tools.map(({ function: tool }) => tool),
    toolChoice: "auto",
    parallelCalls: true,
    continuesLast: messages.at(-1)?.role === "assistant",
    ...thinkingOf(body),
    sampling: samplingOf(body),
    numChoices: 1,
  };
}

function messageOf(message: z.output<typeof MESSAGE>, place: number): ChatMessage {
  const { role, content = "", thinking, images, tool_calls: calls = [], tool_name: name, tool_call_id: id } = message;
  refuseImages(images, `messages[${place}].images`);
  return {
    role,
    content: content === "" && calls.length > 0 ? null : content,
    ...(name && { name }),
    ...(id && { tool_call_id: id }),
    ...(thinking && { reasoning_content: thinking }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ id: callId = newId("call_"), function: { name: called, arguments: given = {} } }) => ({
        id: callId,
        type: "function",
        function: { name: called, arguments: JSON.stringify(given) },
      })),
    }),
  };
}

/** Throws ApiError where there are any. */
export function refuseImages(images: readonly unknown[] | undefined, param: string): void {
  if (images && images.length > 0)
    throw new ApiError("invalid", `${param}: this model reads text alone; leave the images out`, { param });
}
