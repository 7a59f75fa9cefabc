// What neither compiler nor linter checks: opening comments, docstrings on exports, file names, kernels free of Node
// headers, no paths of somebody's machine. Long files are only reported. Usage: node scripts/check-conventions.mjs
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDERS = ["src", "recipes", "tests", "bench", "examples", "scripts", "native", "docs", "web", ".ci"];
const SKIPPED = /(^|\/)(node_modules|build|\.venv|__pycache__|cases|curves|router)\//;
const CODE = /\.(tsx?|js|mjs|cjs|cpp|h)$/;
const TEXT = /\.(tsx?|js|mjs|cjs|css|cpp|h|inc|py|md|json|txt|html)$|(^|\/)run$/;
const LONG_FILE_LINES = 400;
const LINE_WIDTH = 120;
const LONG_DOCSTRING_LINES = 10;

const EXPORTED =
  /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(function\*?|class|interface|type|enum|const) (\w+)/;

/** Each check: what it looks at, and the complaints it has about one file's text. */
const CHECKS = [
  {
    applies: (path) => CODE.test(path),
    complaints: (text) =>
      /^(#!.*\n)?\/\/ \S/.test(text) ? [] : ["does not open with a comment that says what the file is for"],
  },
  {
    applies: (path) => CODE.test(path),
    complaints: (_, path) => [
      ...(/^\.?[a-z0-9]+([-.][a-z0-9]+)*$/.test(basename(path)) ? [] : ["file names are kebab-case"]),
      ...(/(^|[-/])(utils?|helpers?|managers?|misc)[.-]/.test(basename(path))
        ? ["a file is named after what it holds, not utils, helper, manager or misc"]
        : []),
    ],
  },
  {
    applies: (path) => /^(src|recipes|web)\/.*\.tsx?$/.test(path) && !/\.(test|fixture)\.ts$/.test(path),
    complaints: undocumentedExports,
  },
  {
    applies: (path) => path.startsWith("native/kernels/"),
    complaints: (text) =>
      /#include\s*[<"](node|napi|js_native_api|uv|v8)/.test(text) ? ["kernels include no Node header"] : [],
  },
  {
    applies: (path) => TEXT.test(path),
    complaints: (text) =>
      [...text.matchAll(/(?<![\w.~}])\/(?:work|root|home|Users)\/[\w.-]+/g)].map(
        ([found]) => `names a path of one machine: ${found}`,
      ),
  },
  {
    // The library's reference repeats declarations, each on a line of its own.
    applies: (path) => /\.(tsx?|js|mjs|cjs|css|cpp|h|md)$/.test(path) && !path.startsWith("docs/api/"),
    complaints: longLines,
  },
];

/** What cannot be broken: rows of a table, addresses, pictures, and a literal alone on its line. */
const UNBREAKABLE = /^\|.*\||https?:|^!\[|^(\w+: |return )?(\/.*\/[a-z]*|"[^"]*"|'[^']*'|`[^`]*`)[,;)]*( \+| =>)?$/;

function longLines(text) {
  return text.split("\n").flatMap((line, i) => {
    const width = [...line].length;
    if (width <= LINE_WIDTH || UNBREAKABLE.test(line.trim())) return [];
    return [`line ${i + 1}: ${width} columns, at most ${LINE_WIDTH}`];
  });
}

function undocumentedExports(text) {
  const lines = text.split("\n");
  const seen = new Set();
  return lines.flatMap((line, i) => {
    const [, kind, name] = EXPORTED.exec(line) ?? [];
    // Overloads share the first one's docstring; an inferred type beside its schema has the schema's name and
    // docstring.
    if (!name || seen.has(name)) return [];
    seen.add(name);
    return /\*\/\s*$/.test(lines[i - 1] ?? "") ? [] : [`line ${i + 1}: exported ${kind} ${name} has no docstring`];
  });
}

function longParts(text, path) {
  const lines = text.split("\n");
  const warnings =
    lines.length > LONG_FILE_LINES && CODE.test(path)
      ? [`${lines.length} lines: look again above ${LONG_FILE_LINES}`]
      : [];
  if (!/\.tsx?$/.test(path)) return warnings;
  for (const match of text.matchAll(/^\/\*\*[\s\S]*?\*\//gm)) {
    const size = match[0].split("\n").length - 2;
    if (size > LONG_DOCSTRING_LINES) warnings.push(`a docstring of ${size} lines: ${LONG_DOCSTRING_LINES} at most`);
  }
  return warnings;
}

function* walk(root, folder) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (SKIPPED.test(`${path}/`)) continue;
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile()) yield path;
  }
}

/**
 * All complaints (`failures`) and remarks (`warnings`) about the files under `root`, each one line that starts with the
 * path.
 */
export function checkConventions(root) {
  const present = new Set(readdirSync(root));
  const top = readdirSync(root, { withFileTypes: true }).filter(
    (entry) => entry.isFile() && (TEXT.test(entry.name) || CODE.test(entry.name)),
  );
  const paths = [
    ...top.map((entry) => entry.name),
    ...FOLDERS.filter((folder) => present.has(folder)).flatMap((folder) => [...walk(root, folder)]),
  ];
  const failures = [];
  const warnings = [];
  for (const path of paths.filter((path) => TEXT.test(path) || CODE.test(path))) {
    const text = readFileSync(join(root, path), "utf8");
    const unix = path.replaceAll("\\", "/");
    for (const check of CHECKS)
      if (check.applies(unix)) failures.push(...check.complaints(text, unix).map((what) => `${unix}: ${what}`));
    warnings.push(...longParts(text, unix).map((what) => `${unix}: ${what}`));
  }
  return { numFiles: paths.length, failures, warnings };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  const { numFiles, failures, warnings } = checkConventions(root);
  for (const line of warnings) console.log(`warning: ${line}`);
  for (const line of failures) console.log(line);
  console.log(
    `${relative(process.cwd(), root) || "."}: ${numFiles} files, ${failures.length} complaints, ` +
      `${warnings.length} warnings`,
  );
  process.exitCode = failures.length > 0 ? 1 : 0;
}
