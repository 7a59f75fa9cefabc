// node_modules against package-lock.json: whether it holds what the lock names, and `npm ci` when it does not.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const packagesOf = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : {});

/**
 * Whether every package that the lock demands on all machines is installed in that version, by npm's own record of what
 * it installed.
 */
export function dependenciesAreCurrent(root) {
  const installed = packagesOf(join(root, "node_modules", ".package-lock.json"));
  const wanted = packagesOf(join(root, "package-lock.json"));
  return Object.entries(wanted).every(
    ([path, { version, optional, devOptional }]) =>
      path === "" || optional || devOptional || installed[path]?.version === version,
  );
}

/** Runs `npm ci`, everything it says on standard error. Throws an Error when it fails. */
export function installDependencies(root) {
  const npm = process.env.npm_execpath?.endsWith(".js") ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const [command, ...first] = npm;
  const args = [...first, "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0)
    throw new Error(`npm ci failed${error ? ` (${error.message})` : ""}: is the npm registry within reach?`);
}
