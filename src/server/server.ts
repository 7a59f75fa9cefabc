// A server at work: answers, and ends in good order. Knows no dialect.
import type { Logger } from "pino";
import { pino } from "pino";
import { buildApp } from "./app.js";
import type { PullModel, ServerContext } from "./context.js";
import { listen } from "./http/listen.js";
import { ServerMetrics } from "./metrics.js";
import { engineSpecs } from "./models/engine-spec.js";
import { ModelPool, type OpenServed } from "./models/model-pool.js";
import { type ServerSettingsInput, serverSettings } from "./settings.js";

/** What a server is started with beside its settings. */
export interface ServerParts {
  /** Default: JSON lines on standard error. */
  readonly log?: Logger;
  /** Default: an engine in a thread of its own. */
  readonly open?: OpenServed;
  /** Pulls models that clients ask for, which are then served; default: they may not. */
  readonly pull?: PullModel;
}

/** A server at work. */
export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly models: ModelPool;
  /** Takes nothing new, lets what is under way end within the settings' time, then ends all. */
  close(): Promise<void>;
}

/**
 * Starts a server. Throws ConfigError for settings that cannot be and for a port that is taken, CheckpointError for an
 * adapter that does not fit its base.
 */
export async function startServer(given: ServerSettingsInput, parts: ServerParts = {}): Promise<RunningServer> {
  const settings = serverSettings(given);
  const log = parts.log ?? pino({ base: null }, pino.destination(2));
  let isDraining = false;
  const models = new ModelPool(await engineSpecs(settings.models), settings, log, parts.open);
  const context: ServerContext = {
    settings,
    models,
    metrics: new ServerMetrics(),
    log,
    pull: parts.pull,
    isDraining: () => isDraining,
  };
  const { url, port, drain } = await listen(buildApp(context), settings);
  let closing: Promise<void> | undefined;
  const close = async () => {
    isDraining = true;
    await drain(settings.drainSeconds);
    await models.closeAll();
  };
  return { url, port, models, close: () => (closing ??= close()) };
}
