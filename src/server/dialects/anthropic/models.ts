// /models as Anthropic's clients read it. Under /v1 the address is OpenAI's too: the header that Anthropic's clients
// always send tells them apart.
import type { MiddlewareHandler } from "hono";
import { asApiError } from "../../api-error.js";
import type { App, Context, Env, ServerContext } from "../../context.js";
import type { ModelStatus } from "../../models/model-pool.js";
import { errorBody } from "./error-body.js";

/** Answers under `prefix`; under /v1 only those who send `anthropic-version`, others are left to who comes next. */
export function registerModels(app: App, { models }: ServerContext, prefix: string): void {
  const created = new Date(models.createdSeconds * 1000).toISOString();
  const described = ({ name, maxContext }: ModelStatus) => ({
    type: "model",
    id: name,
    display_name: name,
    created_at: created,
    max_input_tokens: maxContext ?? null,
    max_tokens: maxContext ?? null,
  });
  const own =
    (answer: (c: Context) => Response): MiddlewareHandler<Env> =>
    async (c, next) =>
      prefix === "/v1" && c.req.header("anthropic-version") === undefined ? next() : answer(c);
  const list = (c: Context) => {
    const data = models.status().map(described);
    return c.json({ data, has_more: false, first_id: data[0].id, last_id: data[data.length - 1].id });
  };
  app.get(`${prefix}/models`, own(list));
  app.get(
    `${prefix}/models/:name{.+}`,
    own((c) => {
      try {
        return c.json(described(models.statusOf(c.req.param("name") ?? "")));
      } catch (thrown) {
        const error = asApiError(thrown);
        return c.json(errorBody(error, c.var.requestId), error.status); // in this dialect, whatever the path's
      }
    }),
  );
}
