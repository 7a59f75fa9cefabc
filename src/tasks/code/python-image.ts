// A file with the memory of a Python that has started: interpreters begin with it, in a fraction of the time. It lies
// in the cache and is made once, in a process of its own that runs no program.
import { fork } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { cacheFolder } from "../../cache-folder.js";
import { compiledFile, restrictions } from "./restrictions.js";

let making: Promise<string | null> | undefined;

/** The path of the file, which is made if need be; null where it cannot be: interpreters then start from nothing. */
export function pythonImageFile(): Promise<string | null> {
  return (making ??= findOrMake());
}

async function findOrMake(): Promise<string | null> {
  const folder = imageFolder();
  const version = pyodideVersion();
  if (version === null) return null; // the interpreter itself says that it is missing
  const path = join(folder, `pyodide-${version}.image`);
  if (existsSync(path)) return path;
  try {
    mkdirSync(folder, { recursive: true });
  } catch {
    return null;
  }
  const maker = fork(compiledFile("python-image-maker.js"), [path], {
    env: {},
    execArgv: restrictions({ reads: folder, writes: folder }),
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  await new Promise((resolve) => maker.once("exit", resolve).once("error", resolve));
  return existsSync(path) ? path : null;
}

function pyodideVersion(): string | null {
  try {
    return createRequire(import.meta.url)("pyodide/package.json").version;
  } catch {
    return null;
  }
}

/** Where it lies. */
export const imageFolder = (): string => cacheFolder("interpreters");
