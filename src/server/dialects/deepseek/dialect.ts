// DeepSeek's dialect: OpenAI's at the root and under /beta, where its own clients look for it. What it adds (thoughts,
// the beginning of an answer, thinking on and off, cache counts) OpenAI's paths here know as well.
import type { App, ServerContext } from "../../context.js";
import type { Dialect } from "../dialect.js";
import { registerChat } from "../openai/chat-completions.js";
import { registerCompletions } from "../openai/completions.js";
import { errorBody } from "../openai/error-body.js";
import { registerModels } from "../openai/models.js";

const PREFIXES = ["", "/beta"];

/** See the file's head. */
export const deepseek: Dialect = {
  name: "deepseek",
  owns: (path) =>
    PREFIXES.some((prefix) => path.startsWith(`${prefix}/chat/`) || path.startsWith(`${prefix}/models`)) ||
    path.startsWith("/beta/"),
  errorBody,
  register(app: App, server: ServerContext) {
    for (const prefix of PREFIXES) {
      registerChat(app, server, prefix);
      registerCompletions(app, server, prefix);
      registerModels(app, server, prefix);
    }
  },
};
