// /api/chat: a conversation in, a reply out.
import type { App, ServerContext } from "../../context.js";
import { readBody } from "../../http/body.js";
import { answer } from "./answer.js";
import { CHAT_REQUEST, taskOfChat } from "./chat-request.js";
import { type ReplyPart, toolCallsOf } from "./reply-lines.js";

/** Answers. */
export function registerChat(app: App, server: ServerContext): void {
  app.post("/api/chat", async (c) => {
    const body = await readBody(c, CHAT_REQUEST);
    const task = body.messages && body.messages.length > 0 ? taskOfChat(body) : undefined;
    return answer(c, server, body, task, messageFields);
  });
}

const messageFields = ({ text, thought = "", calls = [] }: ReplyPart): object => ({
  message: {
    role: "assistant",
    content: text,
    ...(thought !== "" && { thinking: thought }),
    ...(calls.length > 0 && { tool_calls: toolCallsOf(calls) }),
  },
});
