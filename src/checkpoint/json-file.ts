// JSON files that must hold an object. Knows nothing of what is in it.
import { CheckpointError } from "../errors.js";
import { parseForeignJson } from "../foreign-file.js";
import { readText } from "./file-reader.js";
import { errorCode, type FileSystem, machineFileSystem } from "./file-system.js";
import type { JsonObject } from "./trainer-state.js";

/** Reads a JSON file that must hold an object. Throws CheckpointError naming the file. */
export async function readJsonObject(path: string, fs: FileSystem = machineFileSystem): Promise<JsonObject> {
  const parsed = parseForeignJson(await readText(path, fs).catch((error) => Promise.reject(refusal(error, path))));
  if ("problem" in parsed) throw new CheckpointError(`${path}: expected a JSON file, got: ${parsed.problem}`);
  const { value } = parsed;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CheckpointError(`${path}: expected a JSON object`);
  return value as JsonObject;
}

function refusal(error: unknown, path: string): unknown {
  if (error instanceof CheckpointError) return error;
  const got = errorCode(error) === "ENOENT" ? "found none" : `got: ${(error as Error).message.replaceAll(/\s+/g, " ")}`;
  return new CheckpointError(`${path}: expected a JSON file, ${got}`, { cause: error });
}
