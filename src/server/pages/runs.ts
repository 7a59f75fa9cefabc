// Runs for the web page: which there are, and their logs as they grow. Reads the folder anew each time and keeps
// nothing.
import { join } from "node:path";
import { z } from "zod";
import { readLinesBefore, readNewLines } from "../../run/log-window.js";
import type { MetricsRecord, SampleRecord } from "../../run/records.js";
import { METRICS_FILE, SAMPLES_FILE } from "../../run/run-files.js";
import { isRun, listRuns } from "../../run/run-list.js";
import { ApiError } from "../api-error.js";
import type { App, Context } from "../context.js";
import { checkedBody } from "../http/body.js";

/** The runs that a page shows. */
export interface ShownRuns {
  readonly folder: string;
  /** This run alone, with those inside it; default: all. */
  readonly only?: string;
}

const METRICS_QUERY = z.object({ from: z.string().max(64).optional() });
const SAMPLES_QUERY = z.object({
  before: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

/** Answers under /luciole/runs. */
export function registerRuns(app: App, { folder, only }: ShownRuns): void {
  const isShown = (name: string) => only === undefined || name === only || name.startsWith(`${only}/`);
  const runPath = (c: Context) => {
    const name = c.req.param("name") ?? "";
    if (isShown(name) && isRun(folder, name)) return join(folder, name);
    throw new ApiError("not found", `there is no run ${JSON.stringify(name)} here`);
  };
  const fresh = (c: Context, body: object) => c.json(body, 200, { "cache-control": "no-store" });
  app.get("/luciole/runs", async (c) =>
    fresh(c, { runs: (await listRuns(folder)).filter(({ name }) => isShown(name)) }),
  );
  app.get("/luciole/runs/:name{.+}/metrics", async (c) => {
    const { from } = checkedBody(METRICS_QUERY, c.req.query());
    return fresh(c, await readNewLines<MetricsRecord>(join(runPath(c), METRICS_FILE), from));
  });
  app.get("/luciole/runs/:name{.+}/samples", async (c) => {
    const { before, limit } = checkedBody(SAMPLES_QUERY, c.req.query());
    return fresh(c, await readLinesBefore<SampleRecord>(join(runPath(c), SAMPLES_FILE), limit, before));
  });
}
