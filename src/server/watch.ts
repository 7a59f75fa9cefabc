// A small server of the page of runs alone, for this machine. Knows no model.
import { Hono } from "hono";
import { urlPath } from "../url-path.js";
import { asApiError } from "./api-error.js";
import type { App, Env } from "./context.js";
import { hostGuard, originGuard } from "./http/guards.js";
import { type Listening, listen } from "./http/listen.js";
import { registerRuns, type ShownRuns } from "./pages/runs.js";
import { registerPages } from "./pages/static-pages.js";

const HOST = "127.0.0.1";
const REQUEST_SECONDS = 30;

/** Serves the page of runs on a port of the loopback address; 0 takes a free one. Throws ConfigError as `listen`. */
export const watchRuns = (runs: ShownRuns, port: number): Promise<Listening> =>
  listen(watchApp(runs), { host: HOST, port, requestSeconds: REQUEST_SECONDS });

function watchApp(runs: ShownRuns): App {
  const app = new Hono<Env>({ strict: false });
  app.use(hostGuard([]), originGuard([]));
  registerPages(app);
  app.get("/luciole/pages", (c) => c.json({ chat: false, runs: true, server: false }));
  registerRuns(app, runs);
  app.notFound((c) => c.json({ error: { message: `there is no ${c.req.path} here` } }, 404));
  app.onError((thrown, c) => {
    const { message, status } = asApiError(thrown);
    return c.json({ error: { message } }, status);
  });
  return app;
}

/** The address of a run on the page. */
export const runUrl = ({ url }: Listening, name: string): string => `${url}/runs/${urlPath(name)}`;
