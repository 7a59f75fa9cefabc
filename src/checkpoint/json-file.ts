// JSON files that must hold an object. Knows nothing of what is in it.
import { CheckpointError } from "../errors.js";
import { errorCode, type FileSystem, machineFileSystem } from "./file-system.js";
import type { JsonObject } from "./trainer-state.js";

/** Reads a JSON file that must hold an object. Throws CheckpointError naming the file. */
export async function readJsonObject(path: string, fs: FileSystem = machineFileSystem): Promise<JsonObject> {
  let value: unknown;
  try {
    value = JSON.parse(await fs.readFile(path, "utf8"));
  } catch (error) {
    // The parser quotes what it stumbled over, line ends included.
    const got = errorCode(error) === "ENOENT" ? "found none" : `got: ${(error as Error).message.replaceAll(/\s+/g, " ")}`;
    throw new CheckpointError(`${path}: expected a JSON file, ${got}`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new CheckpointError(`${path}: expected a JSON object`);
  return value as JsonObject;
}
