// The settings of a server, checked and with their defaults. Knows no HTTP and no model.
import { z } from "zod";
import { ConfigError } from "../errors.js";

/** A model to serve. */
const MODEL = z.strictObject({
  /** The name that requests give. */
  name: z.string().min(1).max(200),
  /** A run, a model directory, a GGUF file, a random model, or an adapter that names its base. */
  path: z.string().min(1),
  /** A LoRA adapter to put over it. */
  adapter: z.string().min(1).optional(),
});

/** A key that opens the server. */
const KEY = z.strictObject({
  /** What the log calls it. */
  name: z.string().min(1).max(100),
  /** The key itself, as clients send it. */
  key: z.string().min(8).max(500),
  /** Requests a minute that it may make; default: no limit. */
  requestsPerMinute: z.number().int().min(1).optional(),
});

/** What a server is made of; `luciole serve` fills it from its flags and its file. */
export const SERVER_SETTINGS = z.strictObject({
  /** The models, the first of which answers requests that name none. */
  models: z.array(MODEL).min(1),
  /** Address to listen on; others than loopback let other machines in. */
  host: z.string().min(1).default("127.0.0.1"),
  /** Port to listen on; 0 takes a free one. */
  port: z.number().int().min(0).max(65535).default(8080),
  /** Keys, one of which every request must carry; without any, all may ask. */
  keys: z.array(KEY).default([]),
  /** Names by which clients may call this server, beside localhost, this machine's name and IP addresses. */
  allowedHosts: z.array(z.string().min(1)).default([]),
  /** Origins of web pages that may ask, such as https://chat.example; "*" for all. The server's own may always. */
  allowedOrigins: z.array(z.string().min(1)).default([]),
  /** Longest sequence, prompt and answer together; default: the model's limit, up to 8192. */
  context: z.number().int().min(1).optional(),
  /** Tokens of all sequences together that the cache holds; default: four contexts, or what memory has room for. */
  cacheTokens: z.number().int().min(1).optional(),
  /** Type of the attention cache; default: that of activations. */
  cacheType: z.enum(["bf16", "f32", "fp8-latent"]).optional(),
  /** Sequences that an engine runs at once. */
  maxSequences: z.number().int().min(1).max(4096).default(64),
  /** Sequences that may wait for a place, for each engine; more are refused with 429. */
  maxQueue: z.number().int().min(0).max(1_000_000).default(256),
  /**
   * Seconds after which a model that nobody asks is unloaded; 0: at once, -1: never. Default: never where there is one
   * model, else 300.
   */
  keepAliveSeconds: z.number().min(-1).optional(),
  /** Threads of the kernels; default: one per core. */
  threads: z.number().int().min(1).max(256).optional(),
  /** Native kernels, or plain TypeScript; default: native where they load. */
  backend: z.enum(["native", "reference"]).optional(),
  /** Largest body of a request, in bytes. */
  maxBodyBytes: z
    .number()
    .int()
    .min(1024)
    .default(16 << 20),
  /** Messages of a conversation at most. */
  maxMessages: z.number().int().min(1).default(4096),
  /** Completions of one request at most. */
  maxChoices: z.number().int().min(1).max(128).default(16),
  /** Seconds in which a client must have sent its request. */
  requestSeconds: z.number().min(1).default(60),
  /** Seconds after which a stream that its client does not read is ended. */
  stalledSeconds: z.number().min(1).default(120),
  /** Seconds that requests under way have to end when the server stops. */
  drainSeconds: z.number().min(0).default(30),
  /** Files with certificate and key, for TLS. */
  tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
  /** Folder whose runs the page shows; default: none. */
  runs: z.string().min(1).optional(),
  /** Whether prompts and answers stand in the log. */
  logContent: z.boolean().default(false),
});

/** Settings of a server, complete. */
export type ServerSettings = z.output<typeof SERVER_SETTINGS>;
/** Settings of a server, as they are given. */
export type ServerSettingsInput = z.input<typeof SERVER_SETTINGS>;
/** A model to serve. */
export type ModelSpec = ServerSettings["models"][number];
/** A key that opens the server. */
export type KeySpec = ServerSettings["keys"][number];

/** Checks settings and fills in defaults. Throws ConfigError that names the first that cannot be. */
export function serverSettings(given: unknown): ServerSettings {
  const parsed = SERVER_SETTINGS.safeParse(given);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw new ConfigError(`server settings: ${path.join(".") || "all"}: ${message}`);
  }
  const names = parsed.data.models.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ConfigError(`two models are called ${twice}; give each a name of its own: --model name=path`);
  return parsed.data;
}
