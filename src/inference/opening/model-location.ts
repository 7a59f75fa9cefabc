// Where a model lies when a person names one of its files, or the folder that holds it. Looks at names only.
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError } from "../../errors.js";

/** The files that a model's numbers follow from: a GGUF file itself, of a directory its weights and configuration. */
export function filesOfModel(place: string): string[] {
  if (!statSync(place).isDirectory()) return [resolve(place)];
  const decides = (name: string) => /^(adapter_)?(config\.json|model.*\.safetensors)$/.test(name);
  return readdirSync(place)
    .filter(decides)
    .map((name) => resolve(place, name));
}

/** Files that stand for the directory they lie in. */
const PART_OF_DIRECTORY = /\.safetensors$|\.safetensors\.index\.json$|^config\.json$/;
/** GGUF files that are no model of their own: later parts of one, and vision projectors. */
const NO_MODEL = /-(?!0*1-)\d+-of-\d+\.gguf$|^mmproj/i;

/**
 * What to open for a path: the directory of a named `model.safetensors`, index or config.json; the GGUF file of a
 * directory that holds one and no config.json; else the path itself. Throws ConfigError for a directory of several GGUF
 * files.
 */
export function modelLocation(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile())
    return PART_OF_DIRECTORY.test(basename(path)) && existsSync(join(dirname(path), "config.json"))
      ? dirname(path)
      : path;
  if (!stats?.isDirectory() || existsSync(join(path, "config.json"))) return path;
  const models = readdirSync(path)
    .filter((name) => name.endsWith(".gguf") && !NO_MODEL.test(name))
    .sort();
  if (models.length > 1)
    throw new ConfigError(`${path}: contains several GGUF files; choose one: ${models.slice(0, 10).join(", ")}`);
  return models.length === 1 ? join(path, models[0]) : path;
}
