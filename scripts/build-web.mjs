// Builds the pages of `luciole serve` from web/ into dist/web, when what goes into them changed since last time. Knows
// nothing of what they show.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const SETTINGS = ["package.json", "package-lock.json", "scripts/build-web.mjs"];

/** Fonts of older browsers that KaTeX's style sheet names beside those that every browser reads. */
const olderFonts = {
  name: "older-fonts",
  enforce: "pre",
  transform: (code, id) =>
    id.includes("/katex/") && id.includes(".css")
      ? code.replaceAll(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\(["'](?:woff|truetype)["']\)/g, "")
      : undefined,
};

/** A page has no module of Node: what it takes of src/ must do without. */
const withoutNode = {
  name: "without-node",
  enforce: "pre",
  resolveId(id, importer) {
    if (id.startsWith("node:")) throw new Error(`${importer} imports ${id}, which no browser has`);
  },
};

/** The files of web/. */
function sourcesOf(root) {
  return readdirSync(join(root, "web"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const stateOf = (root, path) => {
  if (!existsSync(join(root, path))) return "";
  const { size, mtimeMs } = statSync(join(root, path));
  return `${size} ${mtimeMs}`;
};

/** Whether the last build was made of the same files as there are now, those of src/ that it took included. */
function isCurrent(root, stamp) {
  if (!existsSync(stamp)) return false;
  const built = JSON.parse(readFileSync(stamp, "utf8"));
  return (
    sourcesOf(root).every((path) => path in built) &&
    Object.entries(built).every(([path, state]) => stateOf(root, path) === state)
  );
}

function checkTypes(root) {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, "-p", join(root, "web", "tsconfig.json")], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${stdout}${stderr}`.trim());
}

/** Gives the paths of the project's files that were bundled. */
async function bundle(root) {
  const taken = new Set();
  const { build } = await import("vite");
  await build({
    root: join(root, "web"),
    configFile: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    plugins: [
      olderFonts,
      withoutNode,
      { name: "taken", moduleParsed: ({ id }) => void taken.add(relative(root, id.replace(/[?#].*$/, ""))) },
    ],
    build: {
      outDir: join(root, "dist", "web"),
      emptyOutDir: true,
      target: "es2022",
      // What is inlined would need a policy that allows data: addresses.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      license: { fileName: "licenses.md" },
      reportCompressedSize: false,
    },
  });
  return [...taken].filter((path) => !path.startsWith("..") && !path.includes("node_modules") && !path.includes("\0"));
}

/** Builds if anything changed. Gives whether it did. Throws an Error holding the messages of compiler or bundler. */
export async function buildWeb(root) {
  const stamp = join(root, "dist", ".web-sources");
  if (isCurrent(root, stamp)) return false;
  checkTypes(root);
  const bundled = await bundle(root);
  const paths = [...new Set([...sourcesOf(root), ...bundled, ...SETTINGS])].sort();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, JSON.stringify(Object.fromEntries(paths.map((path) => [path, stateOf(root, path)])), null, 1));
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildWeb(join(dirname(fileURLToPath(import.meta.url)), ".."));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
