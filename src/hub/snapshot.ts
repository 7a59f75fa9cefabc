// What of a model lies in the cache, and whether it is all that is needed to load it. Knows no network.
import { statSync } from "node:fs";
import { parseForeignJson, readForeignText } from "../foreign-file.js";
import type { RepositoryCache } from "./cache.js";
import { isSafePath } from "./names.js";
import { defaultFiles, type GgufChoice, ggufChoices, type Named } from "./selection.js";

/** The whole files of one commit in the cache. */
export interface Snapshot {
  readonly commit: string;
  readonly folder: string;
  readonly files: readonly Named[];
}

/** The snapshot of a commit, as far as it is there. */
export function readSnapshot(cache: RepositoryCache, commit: string): Snapshot {
  const files = cache.files(commit).map((path) => ({ path, sizeBytes: statSync(cache.pointer(commit, path)).size }));
  return { commit, folder: cache.snapshot(commit), files };
}

/** The GGUF models of a snapshot that have all their parts. */
export function wholeGgufs({ files }: Snapshot): GgufChoice[] {
  const numParts = (path: string) => Number(/-of-(\d{5})\.gguf$/i.exec(path)?.[1] ?? 1);
  return ggufChoices(files).filter((choice) => choice.files.length === numParts(choice.files[0].path));
}

/** What a model in safetensors lacks before it can be loaded; nothing for one that is whole. */
export function missingFiles({ folder, files }: Snapshot): string[] {
  const there = new Set(files.map(({ path }) => path));
  const needed = there.has("model.safetensors.index.json") ? shardsOf(`${folder}/model.safetensors.index.json`) : [];
  const missing = ["config.json", ...needed].filter((path) => !there.has(path));
  return defaultFiles(files).length > 0 || needed.length > 0 ? missing : [...missing, "*.safetensors"];
}

function shardsOf(index: string): string[] {
  try {
    const parsed = parseForeignJson(readForeignText(index) ?? Buffer.from("{}"));
    const map = "value" in parsed ? (parsed.value as { weight_map?: unknown }).weight_map : undefined;
    return [...new Set(Object.values(map as object))].filter(isSafePath).sort();
  } catch {
    // A broken index is for the reader of the model to name.
    return [];
  }
}
