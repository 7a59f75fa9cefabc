// Circles of imports in the sources, imports of types included, which the emitted JavaScript no longer shows. Usage:
// node scripts/import-circles.mjs
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "rolldown/experimental";

/** The files of the project that a file names, as paths of sources. */
function importsOf(path, text) {
  const { module } = parseSync(path, text);
  const named = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) => entries.map(({ moduleRequest }) => moduleRequest?.value)),
    ...[...text.matchAll(/\bimport\("(\.[^"]+)"\)/g)].map(([, name]) => name),
  ];
  return [...new Set(named)]
    .filter((name) => name?.startsWith("."))
    .map((name) => join(dirname(path), name.replace(/\.js$/, ".ts")));
}

/** Groups of files that all reach each other (Tarjan 1972); those of one file are left out. */
export function circlesIn(graph) {
  const found = [];
  const stack = [];
  const state = new Map();
  const visit = (path) => {
    const mine = { index: state.size, low: state.size, onStack: true };
    state.set(path, mine);
    stack.push(path);
    for (const next of graph.get(path) ?? []) {
      const theirs = state.get(next);
      if (!theirs) mine.low = Math.min(mine.low, visit(next).low);
      else if (theirs.onStack) mine.low = Math.min(mine.low, theirs.index);
    }
    if (mine.low === mine.index) {
      const members = stack.splice(stack.indexOf(path));
      for (const member of members) state.get(member).onStack = false;
      if (members.length > 1) found.push(members.sort());
    }
    return mine;
  };
  for (const path of graph.keys()) if (!state.has(path)) visit(path);
  return found;
}

/** The circles under `root`, a line each; empty where there are none. */
export function importCircles(root) {
  const paths = ["src", "recipes"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => join(folder, path)),
  );
  const graph = new Map(paths.map((path) => [path, importsOf(path, readFileSync(join(root, path), "utf8"))]));
  return circlesIn(graph).map((members) => `${members.length} files import each other: ${members.join(", ")}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  const circles = importCircles(root);
  console.log(circles.length === 0 ? `${relative(process.cwd(), root) || "."}: no circles` : circles.join("\n"));
  process.exitCode = circles.length === 0 ? 0 : 1;
}
