// What a process of the grader may do: compute, and read installed code. Knows not what it runs.
import { dirname, join, sep } from "node:path";
import { packageRoot } from "../../package-root.js";

/** Of the process itself, in MiB; the memory of interpreters has a limit of its own. */
const HEAP_MB = 512;

/** Flags of Node that take from a process what it does not need. */
export function restrictions(folders: { readonly reads?: string; readonly writes?: string } = {}): string[] {
  const known = process.allowedNodeEnvironmentFlags;
  const readable = [...installedCode(packageRoot()), folders.reads].filter((folder) => folder !== undefined);
  return [
    known.has("--permission") ? "--permission" : "--experimental-permission",
    "--allow-worker",
    ...readable.map((folder) => `--allow-fs-read=${folder}${sep}`),
    ...(folders.writes ? [`--allow-fs-write=${folders.writes}${sep}`] : []),
    "--disallow-code-generation-from-strings",
    `--max-old-space-size=${HEAP_MB}`,
    "--no-warnings",
  ];
}

/** This package, and the folders in which Node looks for those it uses. */
function installedCode(root: string): string[] {
  const folders = [root];
  for (let folder = root; folder !== dirname(folder); folder = dirname(folder))
    folders.push(join(folder, "node_modules"));
  return folders;
}

/** The compiled form of a module of this folder: what processes and threads run. */
export const compiledFile = (name: string): string => join(packageRoot(), "dist", "src", "tasks", "code", name);
