// What no dialect may ask for: more messages or choices than the server allows, and calls of tools that are not there.
// Knows no wire format; fields have the names that most clients give them.
import { ApiError } from "../api-error.js";
import type { ServerSettings } from "../settings.js";
import type { ChatTask, Task } from "./task.js";

/** Throws ApiError for a task that cannot be had. */
export function checkTask(task: Task, { maxChoices, maxMessages }: ServerSettings): void {
  if (task.numChoices > maxChoices)
    throw new ApiError("invalid", `n must be at most ${maxChoices}, got ${task.numChoices}`, { param: "n" });
  if (task.kind === "text") return;
  const { length } = task.messages;
  if (length > maxMessages)
    throw new ApiError("invalid", `messages: at most ${maxMessages}, got ${length}`, { param: "messages" });
  checkToolChoice(task);
}

function checkToolChoice({ toolChoice, tools }: ChatTask): void {
  const refuse = (message: string) => {
    throw new ApiError("invalid", `tool_choice: ${message}`, { param: "tool_choice" });
  };
  if (toolChoice === "auto" || toolChoice === "none") return;
  if (toolChoice === "required") {
    if (tools.length === 0) refuse("to require a call, give at least one tool");
  } else if (!tools.some(({ name }) => name === toolChoice.name))
    refuse(`there is no tool ${JSON.stringify(toolChoice.name)} among tools`);
}
