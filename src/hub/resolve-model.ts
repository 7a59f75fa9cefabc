// From what a person calls a model to where it lies: a path as it is, or a pulled model by its name.
// Loads neither the hub's library nor the network: verbs that use a model begin with this.

import { existsSync } from "node:fs";
import { ConfigError } from "../errors.js";
import { ownCommand, shellWord } from "../terminal/own-command.js";
import { RepositoryCache } from "./cache.js";
import { formatModelName, type ModelName, parseModelName } from "./names.js";
import { ollamaHint, unreadFormat } from "./other-names.js";
import { ggufOf } from "./selection.js";
import { type Environment, hubCacheFolder } from "./settings.js";
import { missingFiles, readSnapshot, type Snapshot, wholeGgufs } from "./snapshot.js";

/**
 * A path that exists, as it is; else the snapshot folder of a pulled `org/name[@revision]`, or one GGUF file of it
 * (`org/name:Q4_K_M`; of a split one, the first part). Throws ConfigError that names the pull to make.
 */
export function resolveModel(nameOrPath: string, env: Environment = process.env): string {
  const unread = unreadFormat(nameOrPath);
  if (unread) throw new ConfigError(unread);
  if (existsSync(nameOrPath)) return nameOrPath;
  const name = parseModelName(nameOrPath);
  const hint = ollamaHint(nameOrPath, `${ownCommand()} pull`);
  if (hint) throw new ConfigError(hint);
  if (!name?.repo.includes("/"))
    throw new ConfigError(
      `${nameOrPath}: no such directory; expected a run (runs/…), a model directory or a pulled model (org/name)`,
    );
  const cache = new RepositoryCache(hubCacheFolder(env), name.repo);
  const commit = cache.commitOf(name.revision ?? "main");
  if (commit === null) throw notPulled(nameOrPath, name, cache);
  return placeIn(readSnapshot(cache, commit), name, cache);
}

/** Whether `resolveModel` finds what is named so, without a pull. */
export function isPulled(nameOrPath: string, env: Environment = process.env): boolean {
  try {
    return resolveModel(nameOrPath, env) !== "";
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

function placeIn(snapshot: Snapshot, name: ModelName, cache: RepositoryCache): string {
  const ggufs = wholeGgufs(snapshot);
  const missing = missingFiles(snapshot);
  if (name.choice === null && missing.length === 0) return snapshot.folder;
  if (name.choice === null && ggufs.length > 1) {
    const asked = ggufs.map(({ label }) => formatModelName({ ...name, choice: label }));
    throw new ConfigError(`${name.repo}: several GGUF files were pulled; choose one: ${asked.join(", ")}`);
  }
  if (name.choice === null && ggufs.length === 0) {
    throw new ConfigError(
      `${name.repo}: only partly pulled, ${missing.join(", ")} missing; continue with: ${ownCommand()} pull ` +
        `${shellWord(formatModelName(name))}`,
    );
  }
  if (name.choice !== null && ggufs.length === 0) throw notPulled(formatModelName(name), name, cache);
  const chosen = name.choice === null ? ggufs[0] : ggufOf(ggufs, name.choice, `the pulled files of ${name.repo}`);
  return cache.pointer(snapshot.commit, chosen.files[0].path);
}

function notPulled(text: string, name: ModelName, cache: RepositoryCache): ConfigError {
  const others =
    name.revision === null && name.choice === null
      ? cache.commits().filter((commit) => isUsable(readSnapshot(cache, commit)))
      : [];
  const instead =
    others.length > 0
      ? `, or use a revision that was pulled: ${others.map((commit) => `${name.repo}@${commit}`).join(", ")}`
      : "";
  return new ConfigError(
    `${text}: no such directory and no such pulled model; pull it with: ${ownCommand()} pull ` +
      `${shellWord(formatModelName(name))}${instead}`,
  );
}

const isUsable = (snapshot: Snapshot): boolean =>
  missingFiles(snapshot).length === 0 || wholeGgufs(snapshot).length > 0;
