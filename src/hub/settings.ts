// Where the hub is, where its cache lies and who asks: the environment variables that Hugging Face's own tools read.
// Knows nothing of requests, nor of what is in the cache. The variables as in huggingface_hub@2.4.0, constants.py.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../errors.js";

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A token, and where it comes from: the only part of it that is ever shown. */
export interface Token {
  readonly value: string;
  readonly source: string;
}

/** What a pull is made with. */
export interface HubSettings {
  /** URL of the hub or its mirror, without a slash at the end. */
  readonly endpoint: string;
  /** The folder with `models--org--name/`. */
  readonly cacheFolder: string;
  readonly token: Token | null;
  readonly isOffline: boolean;
  /** A connection that is silent for so long counts as lost. */
  readonly stallMs: number;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";
const DEFAULT_STALL_SECONDS = 30;
/** A day: the system's timers count 25 at most, and end at once where more is asked. */
const LONGEST_STALL_SECONDS = 86_400;

/**
 * Reads HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT and the cache's. Throws
 * ConfigError for what cannot be used.
 */
export function hubSettings(env: Environment = process.env): HubSettings {
  return {
    endpoint: endpointOf(env.HF_ENDPOINT?.trim() || DEFAULT_ENDPOINT),
    cacheFolder: hubCacheFolder(env),
    token: tokenOf(env),
    isOffline: isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
    stallMs: stallSeconds(env.HF_HUB_DOWNLOAD_TIMEOUT) * 1000,
  };
}

/** HF_HUB_CACHE, else `hub` in HF_HOME, else in XDG_CACHE_HOME/huggingface, else in ~/.cache/huggingface. */
export function hubCacheFolder(env: Environment = process.env): string {
  return expand(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home(env), "hub"), env);
}

const home = (env: Environment): string =>
  env.HF_HOME || join(env.XDG_CACHE_HOME || join("~", ".cache"), "huggingface");

/** `~` at the front and `$NAME` anywhere, as a shell would have it. */
function expand(path: string, env: Environment): string {
  const named = path.replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (all, bare, braced) => env[bare ?? braced] ?? all);
  return /^~(?=[/\\]|$)/.test(named) ? join(env.HOME || homedir(), named.slice(1)) : named;
}

function endpointOf(text: string): string {
  const expected = `HF_ENDPOINT: expected a URL such as ${DEFAULT_ENDPOINT}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) throw new ConfigError(`${expected}, got ${JSON.stringify(text)}`);
  // Not repeated in the message: a password may be in it.
  if (url.username || url.password || url.search || url.hash)
    throw new ConfigError(`${expected}, without user, password or query; use HF_TOKEN for a token`);
  return text.replace(/\/+$/, "");
}

function tokenOf(env: Environment): Token | null {
  for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    const value = cleaned(env[name]);
    if (value) return checked({ value, source: name });
  }
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return null;
  const source = expand(env.HF_TOKEN_PATH || join(home(env), "token"), env);
  const value = cleaned(readIfThere(source));
  return value ? checked({ value, source }) : null;
}

const cleaned = (text: string | undefined): string => text?.replaceAll(/[\r\n]/g, "").trim() ?? "";

function checked(token: Token): Token {
  if (/^[\x21-\x7e]+$/.test(token.value)) return token;
  throw new ConfigError(
    `${token.source}: expected one token (hf_…), got text with spaces or other characters not allowed in a token`,
  );
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function stallSeconds(text: string | undefined): number {
  if (!text) return DEFAULT_STALL_SECONDS;
  const seconds = Number(text);
  if (seconds > 0 && seconds <= LONGEST_STALL_SECONDS) return seconds;
  throw new ConfigError(
    `HF_HUB_DOWNLOAD_TIMEOUT: expected a number of seconds above 0 and up to ${LONGEST_STALL_SECONDS}, ` +
      `got ${JSON.stringify(text)}`,
  );
}

const isTrue = (text: string | undefined): boolean => /^(1|on|yes|true)$/i.test(text ?? "");
