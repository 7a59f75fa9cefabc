// From the name of a pulled data set to its files. Loads neither the hub's library nor the network.
import { ConfigError } from "../errors.js";
import { ownCommand, shellWord } from "../terminal/own-command.js";
import { RepositoryCache } from "./cache.js";
import { chosenParts, numMissing, partToRead } from "./dataset-files.js";
import { formatModelName, parseDatasetName, type RepositoryName } from "./names.js";
import { type Environment, hubCacheFolder } from "./settings.js";
import { readSnapshot } from "./snapshot.js";

/**
 * The files of a pulled data set, `org/name[@revision][:split]`; without a split the only one, else `train`. Undefined
 * for what is no such name. Throws ConfigError that names the pull to make.
 */
export function resolveDataset(text: string, env: Environment = process.env): string[] | undefined {
  const name = parseDatasetName(text);
  if (!name?.repo.includes("/")) return undefined;
  const cache = new RepositoryCache(hubCacheFolder(env), name.repo, "dataset");
  const commit = cache.commitOf(name.revision ?? "main");
  if (commit === null) throw notPulled(text, name);
  const { files, folder } = readSnapshot(cache, commit);
  const part = partToRead(chosenParts(files, name.choice, `the pulled part of ${name.repo}`), name.repo);
  const missing = numMissing(part);
  if (missing > 0)
    throw new ConfigError(
      `${text}: only partly pulled, ${missing} of its files missing; continue with: ${pullCommand(name)}`,
    );
  return part.files.map(({ path }) => `${folder}/${path}`);
}

/** Whether anything of a data set is in the cache, at its revision. */
export function isPulledDataset(text: string, env: Environment = process.env): boolean {
  const name = parseDatasetName(text);
  if (!name) return false;
  return new RepositoryCache(hubCacheFolder(env), name.repo, "dataset").commitOf(name.revision ?? "main") !== null;
}

const pullCommand = (name: RepositoryName): string =>
  `${ownCommand()} pull --dataset ${shellWord(formatModelName(name))}`;

const notPulled = (text: string, name: RepositoryName): ConfigError =>
  new ConfigError(`${text}: no such file and no such pulled data set; pull it with: ${pullCommand(name)}`);
