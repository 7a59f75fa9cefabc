// The application of a server: what every request passes, the dialects, and what belongs to none of them.
import { randomUUID } from "node:crypto";
import { type Context as AnyContext, Hono } from "hono";
import { ApiError, asApiError } from "./api-error.js";
import type { App, Context, Env, ServerContext } from "./context.js";
import { DIALECTS, dialectOf } from "./dialects/index.js";
import { hostGuard, keyGuard, originGuard } from "./http/guards.js";
import { registerRuns } from "./pages/runs.js";
import { registerPages } from "./pages/static-pages.js";
import { registerStatus } from "./pages/status.js";

/** A client's own id for its request, if it is harmless in a log. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;
/** Paths that need no key: whoever watches the server asks them often. */
const OPEN_PATHS = ["/health", "/ready"];

/** Builds the application. */
export function buildApp(server: ServerContext): App {
  const { settings, log, metrics } = server;
  const app = new Hono<Env>({ strict: false });
  app.use(async (c, next) => {
    const given = c.req.header("x-request-id");
    c.set("requestId", given !== undefined && REQUEST_ID.test(given) ? given : randomUUID());
    c.header("x-request-id", c.var.requestId);
    c.set("maxBodyBytes", settings.maxBodyBytes);
    const startedMs = performance.now();
    await next();
    const ms = Math.round((performance.now() - startedMs) * 10) / 10;
    metrics.noteRequest(routeOf(c), c.res.status);
    const { requestId, client } = c.var;
    if (!OPEN_PATHS.includes(c.req.path))
      log.info({ requestId, client, method: c.req.method, path: c.req.path, status: c.res.status, ms }, "request");
  });
  app.use(hostGuard(settings.allowedHosts), originGuard(settings.allowedOrigins));
  app.get("/health", (c) => c.json({ status: "ok" }));
  app.get("/ready", (c) => ready(c, server));
  registerPages(app);
  app.use(keyGuard(settings.keys));
  app.get("/metrics", async (c) => c.text(await metrics.text(await server.models.stats(), server.models.status())));
  app.get("/luciole/pages", (c) => c.json({ chat: true, runs: settings.runs !== undefined, server: true }));
  if (settings.runs !== undefined) registerRuns(app, { folder: settings.runs });
  registerStatus(app, server);
  for (const dialect of DIALECTS) dialect.register(app, server);
  app.notFound((c) =>
    answerError(c, new ApiError("not found", `there is no ${c.req.method} ${c.req.path} here`), server),
  );
  app.onError((error, c) => answerError(c, error, server));
  return app;
}

/** The pattern of the path, so that no name of a client's making becomes a label. */
const routeOf = (c: Context): string => c.req.matchedRoutes.filter(({ path }) => path !== "/*").at(-1)?.path ?? "other";

function ready(c: Context, { models, isDraining }: ServerContext): Response {
  const status = isDraining() ? "stopping" : "ready";
  const states = models.status().map(({ name, state, active }) => ({ name, state, active }));
  return c.json({ status, models: states }, status === "ready" ? 200 : 503);
}

/** An error in the dialect of its path. What is ours goes into the log with its stack. */
function answerError(c: AnyContext<Env>, thrown: unknown, { log }: ServerContext): Response {
  const error = asApiError(thrown);
  const { requestId } = c.var;
  if (error.kind === "failed") log.error({ requestId, err: error.cause ?? error }, "request failed");
  if (error.retryAfterSeconds !== undefined) c.header("retry-after", String(error.retryAfterSeconds));
  if (error.kind === "unauthorized") c.header("www-authenticate", "Bearer");
  return c.json(dialectOf(c.req.path).errorBody(error, requestId), error.status);
}
