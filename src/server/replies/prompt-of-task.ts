// From what a client asks for to the prompt that a model is given. Knows no dialect and no engine.
import type { ChatPrompt, ChatSampling, ChatStyle } from "../../inference/index.js";
import { type ChatMessage, encodePrompt } from "../../tokenizer/index.js";
import { ApiError } from "../api-error.js";
import type { ServedModel } from "../models/served-model.js";
import { type TemplateHabits, thinkingVariables } from "../models/template-habits.js";
import { argumentsObject } from "./calls/arguments-object.js";
import { callFormatOf, described, type ParsedCall, toolInstructions } from "./calls/call-format.js";
import { callSchema } from "./calls/call-schema.js";
import { resultsInOrder } from "./calls/result-order.js";
import type { ChatTask, Task, TextTask } from "./task.js";

/** A prompt, how its reply is read, and how it is sampled. */
export interface TaskPrompt {
  readonly prompt: ChatPrompt;
  readonly form: ChatStyle["form"];
  readonly sampling: ChatSampling;
}

/** Renders a task. Throws ApiError, ConfigError or DataError for one that the model cannot be given. */
export function promptOf(model: ServedModel, task: Task): TaskPrompt {
  const made = rendered(model, task);
  const { length } = made.prompt.ids;
  const { maxContext } = model;
  if (length < maxContext) return made;
  throw new ApiError(
    "invalid",
    `the prompt has ${length} tokens, but the context of ${model.name} is ${maxContext} tokens and must hold the ` +
      "answer too; shorten the messages",
    { param: task.kind === "chat" ? "messages" : "prompt", code: "context_length_exceeded" },
  );
}

/** Token ids of a task's prompt, also where no room is left for an answer. Throws as `promptOf`. */
export const promptIdsOf = (model: ServedModel, task: Task): Int32Array => rendered(model, task).prompt.ids;

const rendered = (model: ServedModel, task: Task): TaskPrompt =>
  task.kind === "chat" ? chatPrompt(model, task) : textPrompt(model, task);

function chatPrompt(model: ServedModel, task: ChatTask): TaskPrompt {
  const { style, habits } = model;
  refuseTooLong(
    model,
    task.messages.reduce((sum, { content }) => sum + (content?.length ?? 0), 0),
    "messages",
  );
  const tools = task.toolChoice === "none" || task.tools.length === 0 ? undefined : task.tools;
  if (tools) model.requireTokenizer("tools");
  const variables = {
    ...(task.thinks !== undefined && habits.switchesThinking && thinkingVariables(task.thinks)),
    ...task.variables,
  };
  const messages = resultsInOrder(task.messages).map((message) => asTemplateWants(model, message));
  const told =
    tools && !habits.showsTools
      ? withSystem(messages, toolInstructions(callFormatOf(style.template, model.tokenizer), tools))
      : messages;
  const prompt = style.prompt(systemsAsTemplateWants(habits, told), {
    continuesLast: task.continuesLast,
    ...(tools && habits.showsTools && { tools: tools.map(described) }),
    variables,
  });
  // A template that cannot switch thinking off may open a thought: it is closed at once.
  const isCutOff = task.thinks === false && !habits.switchesThinking;
  const schema = callSchema(task.tools, task.toolChoice, task.parallelCalls) ?? task.sampling.schema;
  return { prompt, form: style.form, sampling: { ...task.sampling, schema, ...(isCutOff && { thinkBudget: 0 }) } };
}

/**
 * Refuses a text of so many characters that cannot fit the context, without encoding it: no token is longer than the
 * vocabulary's longest.
 */
export function refuseTooLong({ longestToken, maxContext, name }: ServedModel, length: number, param: string): void {
  if (length <= longestToken * maxContext) return;
  throw new ApiError(
    "invalid",
    `${param}: ${length} characters are at least ${Math.ceil(length / longestToken)} tokens, but the context of ` +
      `${name} is ${maxContext} tokens; shorten the text`,
    { param, code: "context_length_exceeded" },
  );
}

/**
 * Calls and results of earlier turns as the template reads them; where it does not, calls as the model writes them and
 * results as what the user says.
 */
function asTemplateWants({ habits, style, tokenizer }: ServedModel, message: ChatMessage): ChatMessage {
  if (message.role === "tool" && !habits.showsResults) return { role: "user", content: message.content };
  const calls = message.tool_calls as readonly { function: ParsedCall }[] | undefined;
  if (!calls) return message;
  if (!habits.showsCalls) {
    const written = callFormatOf(style.template, tokenizer).write(calls.map((call) => call.function));
    const { tool_calls: _, ...spoken } = message;
    return { ...spoken, content: message.content ? `${message.content}\n${written}` : written };
  }
  return {
    ...message,
    content: message.content || habits.emptyContent,
    tool_calls: calls.map((call) => ({
      ...call,
      function: habits.wantsArgumentObjects
        ? { ...call.function, arguments: argumentsObject(call.function.arguments) }
        : call.function,
    })),
  };
}

/**
 * System messages where the template writes each of them. If it writes one, all are joined to one at the beginning, as
 * DeepSeek's later templates do; if it writes none, that stands before what the user says first, as Gemma 3 has it.
 */
function systemsAsTemplateWants({ systems }: TemplateHabits, messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const isSystem = ({ role }: ChatMessage) => role === "system";
  const given = messages.filter(isSystem);
  if (systems === "anywhere" || given.length === 0) return messages;
  const content = given.map((message) => message.content ?? "").join("\n\n");
  const others = messages.filter((message) => !isSystem(message));
  const at = systems === "none" ? others.findIndex(({ role }) => role === "user") : -1;
  if (at < 0) return [{ role: "system", content }, ...others];
  return others.with(at, { ...others[at], content: `${content}\n\n${others[at].content ?? ""}` });
}

function withSystem(messages: readonly ChatMessage[], text: string): ChatMessage[] {
  const [first, ...rest] = messages;
  if (first?.role === "system") return [{ ...first, content: `${first.content ?? ""}\n\n${text}` }, ...rest];
  return [{ role: "system", content: text }, ...messages];
}

/** Text goes to the model as it stands, control tokens and all; the begin token is put in front of it. */
function textPrompt(model: ServedModel, { prompt, sampling }: TextTask): TaskPrompt {
  const { tokenizer, vocabSize } = model;
  if (typeof prompt === "string") refuseTooLong(model, prompt.length, "prompt");
  const ids = typeof prompt === "string" ? encodePrompt(tokenizer, prompt) : Int32Array.from(prompt);
  const wrong = ids.find((id) => id < 0 || id >= vocabSize);
  if (wrong !== undefined)
    throw new ApiError("invalid", `token ids range from 0 to ${vocabSize - 1}, got ${wrong}`, { param: "prompt" });
  if (ids.length === 0) throw new ApiError("invalid", "the prompt is empty", { param: "prompt" });
  return { prompt: { text: "", ids, startsInside: false }, form: "chat", sampling };
}
