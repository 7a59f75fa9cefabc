// A server on a free port of this machine whose models follow scripts.
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterAll } from "vitest";
import type { PullModel } from "../../src/server/context.js";
import { type RunningServer, startServer } from "../../src/server/server.js";
import type { ServerSettingsInput } from "../../src/server/settings.js";
import { type Script, scriptedEngine } from "./scripted-model.js";

/** A server and what it has said. */
export interface ScriptedServer extends RunningServer {
  /** Its log, line by line. */
  readonly logged: readonly string[];
}

/** Starts a server with one model a script; closed when the tests of the file have run. */
export async function scriptedServer(
  scripts: Readonly<Record<string, Script>>,
  settings: Partial<ServerSettingsInput> = {},
  pull?: PullModel,
): Promise<ScriptedServer> {
  const logged: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      logged.push(String(chunk));
      done();
    },
  });
  const models = Object.keys(scripts).map((name) => ({ name, path: name }));
  const server = await startServer(
    { port: 0, drainSeconds: 1, ...settings, models },
    { log: pino({ base: null }, stream), open: async ({ path }) => scriptedEngine(path, scripts[path]), pull },
  );
  afterAll(() => server.close());
  return Object.assign(server, { logged });
}

/** R1's way: the prompt opens the thought. */
export const THINKING_TEMPLATE =
  "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}" +
  "{% if add_generation_prompt %}[assistant]<think>\n{% endif %}";

/** A model that does not think. */
export const PLAIN_TEMPLATE =
  "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}" +
  "{% if add_generation_prompt %}[assistant]{% endif %}";
