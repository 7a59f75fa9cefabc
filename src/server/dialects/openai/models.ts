// /models: the list of models and each of them.
import type { App, ServerContext } from "../../context.js";
import type { ModelStatus } from "../../models/model-pool.js";

/** Answers under `prefix`. */
export function registerModels(app: App, { models }: ServerContext, prefix: string): void {
  const described = ({ name, state, maxContext }: ModelStatus) => ({
    id: name,
    object: "model",
    created: models.createdSeconds,
    owned_by: "luciole",
    state,
    ...(maxContext !== undefined && { max_model_len: maxContext }),
  });
  app.get(`${prefix}/models`, (c) => c.json({ object: "list", data: models.status().map(described) }));
  app.get(`${prefix}/models/:name{.+}`, (c) => c.json(described(models.statusOf(c.req.param("name")))));
}
