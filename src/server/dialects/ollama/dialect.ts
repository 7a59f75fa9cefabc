// Ollama's dialect: the paths under /api.
import { ApiError } from "../../api-error.js";
import type { App, ServerContext } from "../../context.js";
import type { Dialect } from "../dialect.js";
import { registerChat } from "./chat.js";
import { registerGenerate } from "./generate.js";
import { registerModels } from "./models.js";
import { registerPull } from "./pull.js";

/** The version of Ollama whose API this is; clients ask for it to learn what they may use. */
const API_VERSION = "0.12.6";
/** What Ollama has and this server has not. */
const NOT_OFFERED = ["embed", "embeddings", "create", "copy", "delete", "push", "blobs/*"];

/** See the file's head. */
export const ollama: Dialect = {
  name: "ollama",
  owns: (path) => path.startsWith("/api/"),
  errorBody: ({ message }) => ({ error: message }),
  register(app: App, server: ServerContext) {
    registerChat(app, server);
    registerGenerate(app, server);
    registerModels(app, server);
    registerPull(app, server);
    app.get("/api/version", (c) => c.json({ version: API_VERSION }));
    for (const name of NOT_OFFERED) app.all(`/api/${name}`, (c) => refuse(c.req.path));
  },
};

function refuse(path: string): never {
  throw new ApiError("not found", `this server has no ${path}: it makes text of the models it was started with`, {
    code: "not_offered",
  });
}
