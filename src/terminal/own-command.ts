// How a person calls this program from where they are. Knows npm's ways, no verb.
import { statSync } from "node:fs";
import { delimiter, dirname, join, relative, resolve, sep } from "node:path";
import { findPackageRoot } from "../package-root.js";

/** The shell that a command is to be typed in: its variables, and where it stands. */
export interface ShellEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** A word that a shell takes as it stands, quoted where it must be. */
export const shellWord = (text: string): string =>
  /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * A path as a person would type it from here: quoted where a shell needs it, and never one that a program would take
 * for an option.
 */
export function shownPath(path: string, cwd = process.cwd()): string {
  const short = relative(cwd, path);
  const shown = short === "" || short.startsWith("..") ? path : short;
  return shellWord(shown.startsWith("-") ? `./${shown}` : shown);
}

/**
 * The beginning of a command line: `luciole` where the shell finds it, `npx luciole` where npx does (a clone, a
 * project), else node with the file.
 */
export function ownCommand({ env, cwd }: ShellEnvironment = { env: process.env, cwd: process.cwd() }): string {
  if (isOnPath(env.PATH ?? "")) return "luciole";
  const root = findPackageRoot();
  const isFoundByNpx =
    env.npm_command === "exec" || foldersUpFrom(cwd).some((folder) => folder === root || hasCommand(localBin(folder)));
  return isFoundByNpx || root === null
    ? "npx luciole"
    : `node ${shellWord(join(root, "dist", "src", "cli", "main.js"))}`;
}

/** A folder that may not be looked into has no command for this person. */
function hasCommand(folder: string): boolean {
  try {
    return statSync(join(folder, "luciole")).isFile();
  } catch {
    return false;
  }
}

const localBin = (folder: string): string => join(folder, "node_modules", ".bin");

/** npm puts local folders in front of the path of what it starts; the person's shell does not have them. */
const isOnPath = (path: string): boolean =>
  path
    .split(delimiter)
    .some((folder) => folder !== "" && !resolve(folder).endsWith(localBin(sep)) && hasCommand(folder));

function foldersUpFrom(cwd: string): string[] {
  const folders = [resolve(cwd)];
  for (let parent = dirname(folders[0]); parent !== folders[folders.length - 1]; parent = dirname(parent))
    folders.push(parent);
  return folders;
}
