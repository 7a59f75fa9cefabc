// OpenAI's dialect: the paths under /v1, and those that other servers of it have at the root.
import { ApiError } from "../../api-error.js";
import type { App, ServerContext } from "../../context.js";
import type { Dialect } from "../dialect.js";
import { registerChat } from "./chat-completions.js";
import { registerCompletions } from "./completions.js";
import { errorBody } from "./error-body.js";
import { registerModels } from "./models.js";
import { registerResponses } from "./responses.js";
import { registerTokens } from "./tokens.js";

/** See the file's head. */
export const openai: Dialect = {
  name: "openai",
  owns: (path) => path.startsWith("/v1/"),
  errorBody,
  register(app: App, server: ServerContext) {
    registerChat(app, server, "/v1");
    registerCompletions(app, server, "/v1");
    registerResponses(app, server, ["", "/v1"]);
    registerModels(app, server, "/v1");
    for (const prefix of ["", "/v1"]) registerTokens(app, server, prefix);
    for (const path of NOT_OFFERED) app.all(path, (c) => refuse(c.req.path));
  },
};

/** What OpenAI has and this server has not. */
const NOT_OFFERED = [
  ...["/v1/embeddings", "/v1/moderations", "/v1/images/*", "/v1/audio/*", "/v1/files/*", "/v1/files"],
  ...["/embeddings", "/embedding", "/rerank", "/infill", "/v1/embeddings/*", "/v1/score", "/v1/videos"],
  ...["/v1/batches", "/v1/fine_tuning/*", "/v1/assistants", "/v1/threads", "/v1/realtime", "/v1/rerank"],
];

function refuse(path: string): never {
  throw new ApiError("not found", `this server makes text and has no ${path}`, { code: "not_offered" });
}
