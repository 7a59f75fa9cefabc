// Options given as --set key.path=value and --config file.json, put onto a set of defaults. Knows no option by name.
import { readFileSync } from "node:fs";
import { ConfigError } from "../errors.js";

/** The flags as commander gives them. */
export interface SettingFlags {
  readonly set?: readonly string[];
  readonly config?: string;
}

type Options = Record<string, unknown>;

/**
 * Defaults, then the file's keys (objects merged one level down), then each --set at its path. In front of a key the
 * name of `section` may stand: these are its options. Whether the keys mean anything is for the reader of the result to
 * say. A value is read as JSON where it is JSON, else as text. Throws ConfigError for a malformed file or setting.
 */
export function applySettings(defaults: object, { set = [], config }: SettingFlags, section?: string): Options {
  const options = structuredClone(defaults) as Options;
  const { [section ?? ""]: own, ...others } = config ? readConfigFile(config) : {};
  if (own !== undefined && !isRecord(own))
    throw new ConfigError(`--config ${config}: expected "${section}" to be an object with options`);
  for (const [key, value] of Object.entries({ ...others, ...own })) {
    options[key] = isRecord(value) && isRecord(options[key]) ? { ...options[key], ...value } : value;
  }
  for (const setting of set) assign(options, setting, section);
  return options;
}

function readConfigFile(path: string): Options {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new ConfigError(`--config ${path}: expected a JSON file, got: ${(error as Error).message}`, { cause: error });
  }
  if (!isRecord(value)) throw new ConfigError(`--config ${path}: expected a JSON object with options`);
  return value;
}

function assign(options: Options, setting: string, section?: string): void {
  const at = setting.indexOf("=");
  const path = setting.slice(0, at).split(".");
  if (at <= 0 || path.some((key) => key === "" || key === "__proto__")) {
    throw new ConfigError(`--set ${setting}: expected key=value or section.key=value, for example pretrain.steps=100`);
  }
  if (path.length > 1 && path[0] === section) path.shift();
  let place = options;
  for (const [i, key] of path.slice(0, -1).entries()) {
    const next = Object.hasOwn(place, key) ? place[key] : (place[key] = {});
    if (!isRecord(next))
      throw new ConfigError(`--set ${setting}: ${path.slice(0, i + 1).join(".")} is a value, not a section`);
    place = next;
  }
  place[path.at(-1) as string] = readValue(setting.slice(at + 1));
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isRecord(value: unknown): value is Options {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
