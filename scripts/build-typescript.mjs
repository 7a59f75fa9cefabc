// Compiles the TypeScript sources to dist/ when they changed since last time, and removes what sources that are gone
// left there.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDERS = ["src", "recipes", "tests", "bench", "examples"];
/** What the program reads beside its own code: copied as it is. */
const COPIED = ["src/report/page.css", "src/report/page.js", "src/report/plots.js"];

function walk(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Names, sizes and times of all sources, and the settings. */
function sourceDigest(root) {
  const hash = createHash("sha256");
  const sources = FOLDERS.flatMap((folder) => walk(join(root, folder), ".ts"));
  for (const path of [...sources, ...COPIED.map((name) => join(root, name))].sort()) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  for (const name of ["tsconfig.json", "package-lock.json", "package.json"])
    hash.update(readFileSync(join(root, name)));
  return hash.digest("hex");
}

function removeOrphans(root) {
  for (const folder of FOLDERS)
    for (const path of walk(join(root, "dist", folder), ".js")) {
      const stem = path.slice(0, -".js".length);
      if (COPIED.includes(path.slice(join(root, "dist").length + 1))) continue;
      if (existsSync(join(root, `${stem.slice(join(root, "dist").length + 1)}.ts`))) continue;
      for (const ending of [".js", ".js.map", ".d.ts"]) rmSync(stem + ending, { force: true });
    }
}

/**
 * Makes the package's entries readable for any consumer's TypeScript: Node's types are named (they are no longer found
 * by themselves), and a CommonJS module that requires an entry, as Node 20.19 can, gets the same names.
 */
function completeEntries(root) {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const { require, default: entry } of Object.values(exports)) {
    if (!require) continue;
    const declarations = join(root, entry).replace(/\.js$/, ".d.ts");
    writeFileSync(declarations, `/// <reference types="node" />\n${readFileSync(declarations, "utf8")}`);
    writeFileSync(
      join(root, require.types),
      '// @ts-ignore: older settings do not know that Node can require this\nexport * from "./index.js";\n',
    );
  }
}

/** Compiles if anything changed (or `force`). Gives whether it did. Throws an Error holding the compiler's messages. */
export async function buildTypeScript(root, { force = false } = {}) {
  const stamp = join(root, "dist", ".sources");
  const digest = sourceDigest(root);
  if (!force && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return false;
  removeOrphans(root);
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, "-p", join(root, "tsconfig.json")], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${stdout}${stderr}`.trim());
  for (const name of COPIED) copyFileSync(join(root, name), join(root, "dist", name));
  completeEntries(root);
  const { documentDeclarations } = await import("./option-docs.mjs");
  documentDeclarations(root);
  writeFileSync(stamp, digest);
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildTypeScript(join(dirname(fileURLToPath(import.meta.url)), ".."), { force: true });
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
