// Names that come from a person or from the hub, and which of them may become part of a path.
// Knows no file system and no network.
import { ConfigError } from "../errors.js";

/** What a repository holds; the hub and its cache keep the two apart. */
export type RepositoryKind = "model" | "dataset";

/**
 * `org/name[@revision][:choice]`: a repository, a branch, tag or commit of it, and a part of it. Of a model: one GGUF
 * file by its type (`Q4_K_M`) or name. Of a data set: a split, a configuration, both (`main/train`) or a file.
 */
export interface RepositoryName {
  readonly repo: string;
  readonly revision: string | null;
  readonly choice: string | null;
}

/** The name of a model. */
export type ModelName = RepositoryName;

const NAME =
  /^(?:(?:https?:\/\/)?(?:huggingface\.co|hf\.co)\/)?([\w.-]+(?:\/[\w.-]+)?)(?:@([^:@\s]+))?(?::([\w./+-]+))?$/;

/**
 * Takes a name apart, with or without `hf.co/` or `https://huggingface.co/` before it; null for what is no name of a
 * repository.
 */
export function parseModelName(text: string): ModelName | null {
  const [, repo, revision, choice] = NAME.exec(text) ?? [];
  if (repo === undefined || !isRepository(repo) || (revision !== undefined && !isSafePath(revision))) return null;
  return { repo, revision: revision ?? null, choice: choice ?? null };
}

const DATASET = /^(?:(?:https?:\/\/)?(?:huggingface\.co|hf\.co)\/)?datasets\//;

/** Whether a name says itself that it is a data set's, as the hub's own addresses do. */
export const isDatasetAddress = (text: string): boolean => DATASET.test(text);

/** As `parseModelName`, also with `datasets/` before it. */
export const parseDatasetName = (text: string): RepositoryName | null => parseModelName(text.replace(DATASET, ""));

/** As `parseDatasetName`; throws ConfigError. */
export function datasetNameOf(text: string): RepositoryName {
  const name = parseDatasetName(text);
  if (name) return name;
  throw new ConfigError(
    `expected the name of a data set such as openai/gsm8k, optionally followed by @revision or :train, got ${quoted(text)}`,
  );
}

/** As `parseModelName`; throws ConfigError. */
export function modelNameOf(text: string): ModelName {
  const name = parseModelName(text);
  if (name) return name;
  throw new ConfigError(
    "expected a model name such as deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B, optionally followed by " +
      `@revision or :Q4_K_M, got ${quoted(text)}`,
  );
}

/** The name as a person types it. */
export const formatModelName = ({ repo, revision, choice }: ModelName): string =>
  `${repo}${revision ? `@${revision}` : ""}${choice ? `:${choice}` : ""}`;

/**
 * The rules of huggingface_hub@2.4.0, utils/_validators.py: among them that `--` is free to stand for the slash in the
 * cache.
 */
function isRepository(repo: string): boolean {
  const isPart = (part: string) => /^[\w](?:[\w.-]*\w)?$/.test(part);
  return repo.length <= 96 && repo.split("/").every(isPart) && !/--|\.\.|\.git$/.test(repo);
}

/** Whether a name with `/` in it stays below the folder it is joined to, on every system. */
export function isSafePath(path: unknown): path is string {
  if (typeof path !== "string" || path.length > 1024) return false;
  const hasControls = [...path].some((character) => character < " " || character === "\x7f");
  return !hasControls && !/[\\:*?"<>|]/.test(path) && path.split("/").every((part) => !["", ".", ".."].includes(part));
}

/** A full commit: what a snapshot's folder is called. */
export const isCommit = (text: unknown): text is string => typeof text === "string" && /^[0-9a-f]{40}$/.test(text);

/** A SHA-256, by which large files are known. */
export const isSha256 = (text: unknown): text is string => typeof text === "string" && /^[0-9a-f]{64}$/.test(text);

/** Foreign text for a message: quoted, short, without anything a terminal would obey. */
export const quoted = (text: unknown): string =>
  JSON.stringify(
    String(text)
      .slice(0, 200)
      .replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, "?"),
  );
