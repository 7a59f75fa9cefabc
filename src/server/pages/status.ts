// How a server stands, for its web page: what /metrics tells, as JSON, with the machine around it.
import { availableParallelism, freemem, loadavg, totalmem } from "node:os";
import type { App, ServerContext } from "../context.js";

/** Answers /luciole/status. */
export function registerStatus(app: App, { models, metrics }: ServerContext): void {
  app.get("/luciole/status", async (c) => {
    const stats = await models.stats();
    return c.json(
      {
        startedAt: models.createdSeconds * 1000,
        process: { memoryBytes: process.memoryUsage.rss() },
        machine: {
          memoryBytes: totalmem(),
          freeBytes: freemem(),
          load: loadavg()[0],
          cores: availableParallelism(),
        },
        requests: await metrics.answered(),
        models: models.status().map((status) => ({ ...status, stats: stats.get(status.name) ?? null })),
      },
      200,
      { "cache-control": "no-store" },
    );
  });
}
