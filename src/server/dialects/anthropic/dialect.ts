// Anthropic's dialect: /v1/messages and what lies under it, also under /anthropic, where DeepSeek's clients look for
// it.
import type { App, ServerContext } from "../../context.js";
import type { Dialect } from "../dialect.js";
import { errorBody } from "./error-body.js";
import { registerMessages } from "./messages.js";
import { registerModels } from "./models.js";

const PREFIXES = ["/v1", "/anthropic/v1"];

/** See the file's head. */
export const anthropic: Dialect = {
  name: "anthropic",
  owns: (path) =>
    path.startsWith("/anthropic/") || PREFIXES.some((prefix) => /^\/messages(\/|$)/.test(restOf(path, prefix))),
  errorBody,
  register(app: App, server: ServerContext) {
    for (const prefix of PREFIXES) {
      registerMessages(app, server, prefix);
      registerModels(app, server, prefix);
    }
  },
};

const restOf = (path: string, prefix: string): string => (path.startsWith(prefix) ? path.slice(prefix.length) : "");
