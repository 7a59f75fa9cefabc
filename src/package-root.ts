// Where this package lies, also for a program that was bundled into one file. Knows nothing of what is in it.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NAME = "luciole";

/**
 * The folder of the program that runs: of this file, or of the bundle it became part of (a bundle in CommonJS has no
 * `import.meta.url`).
 */
export function programFolder(): string {
  const url: string | undefined = import.meta.url;
  return dirname(url ? fileURLToPath(url) : (process.argv[1] ?? process.cwd()));
}

/** The package's folder, or null in a bundle with no installed package around it. */
export function findPackageRoot(): string | null {
  for (let folder = programFolder(); ; folder = dirname(folder)) {
    if (isOurs(folder)) return folder;
    if (dirname(folder) === folder) break;
  }
  try {
    return dirname(createRequire(join(programFolder(), "program.js")).resolve(`${NAME}/package.json`));
  } catch {
    return null;
  }
}

/** As `findPackageRoot`, for what only the package holds. Throws an Error where there is none. */
export function packageRoot(): string {
  const root = findPackageRoot();
  if (root === null)
    throw new Error(`the package ${NAME} is not installed around ${programFolder()}: npm install ${NAME}`);
  return root;
}

/** The package's version. */
export const packageVersion = (): string => JSON.parse(readFileSync(`${packageRoot()}/package.json`, "utf8")).version;

function isOurs(folder: string): boolean {
  const path = join(folder, "package.json");
  if (!existsSync(path)) return false;
  try {
    return JSON.parse(readFileSync(path, "utf8")).name === NAME;
  } catch {
    return false;
  }
}
