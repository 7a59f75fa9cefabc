// Writes docs/api/: what each entry of the package offers, from the declarations that the build made. Every exported
// name has a docstring there, and every type that a signature names can be imported; else it says what is missing.
// Usage: node scripts/api-docs.mjs [--check]      (--check writes nothing and fails where a page is not current)
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const FOLDER = "docs/api";
/** An entry that repeats others: its page is theirs. */
const REPEATED = new Set(["core"]);
/** What signatures name and no user touches: the table of C++ functions, and the steps of a tape. */
const INSIDE = new Set(["NativeAddon", "TapeNode"]);
const COMPILER = { target: "es2022", module: "nodenext", moduleResolution: "nodenext", strict: true };
const OFF = { default: { logLevel: "none" } };

/** Names of the entries beside the main one. */
function partsOf(root) {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.keys(exports)
    .filter((key) => exports[key].default?.endsWith("/index.js"))
    .map((key) => key.replace(/^\.\/?/, ""))
    .filter((name) => name !== "" && !REPEATED.has(name))
    .sort();
}

/**
 * The declarations of all entries as one model: those of the main entry, and a namespace for each other. `problems`:
 * types that a signature names and no entry exports, once each.
 */
function extract(root) {
  const work = mkdtempSync(join(tmpdir(), "luciole-api-"));
  const entry = join(root, "dist/src/api-entries.d.ts");
  const parts = partsOf(root);
  const namespaces = parts.map((name) => `export * as part_${name} from "./${name}/index.js";`);
  writeFileSync(entry, `${['export * from "./index.js";', ...namespaces].join("\n")}\n`);
  const problems = new Set();
  try {
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: entry,
        compiler: { overrideTsconfig: { compilerOptions: { ...COMPILER, types: ["node"] }, include: [entry] } },
        apiReport: { enabled: false },
        docModel: { enabled: true, apiJsonFilePath: join(work, "api.json") },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: { extractorMessageReporting: OFF, tsdocMessageReporting: OFF, compilerMessageReporting: OFF },
      },
      configObjectFullPath: join(work, "api-extractor.json"),
      packageJsonFullPath: join(root, "package.json"),
    });
    Extractor.invoke(config, {
      localBuild: true,
      messageCallback: (message) => {
        message.handled = true;
        if (message.messageId !== "ae-forgotten-export") return;
        const [, name] = /"(\w+)"/.exec(message.text);
        // Values are only named by types that zod infers from them; what matters is written out.
        if (/^[A-Z]\w*[a-z]/.test(name) && !INSIDE.has(name))
          problems.add(`${name}, named in ${relativeTo(root, message)}`);
      },
    });
    const [model] = JSON.parse(readFileSync(join(work, "api.json"), "utf8")).members;
    return { model, parts, problems: [...problems].sort() };
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(entry, { force: true });
  }
}

const relativeTo = (root, { sourceFilePath }) => sourceFilePath?.slice(join(root, "dist").length + 1) ?? "an entry";

/** A docstring without its frame, as Markdown. */
function textOf({ docComment = "" }) {
  return (
    docComment
      .replace(/^\/\*\*\s?|\s*\*\/\s*$/g, "")
      .replace(/^[ \t]*\* ?/gm, "")
      .replace(/^@throws /gm, "\nThrows ")
      // What the tool says of a constructor without words of its own.
      .replace(/^Constructs a new instance of the `\w+` class$/, "")
      .trim()
  );
}

const signatureOf = ({ excerptTokens }) =>
  excerptTokens
    .map(({ text }) => text)
    .join("")
    .replace(/^export (declare )?/, "")
    .trim();

/** The members of a class or an interface that a user sees, a line each. */
function membersOf({ members = [] }) {
  return members
    .filter((member) => !/\b(private|protected)\b/.test(signatureOf(member)))
    .map((member) => {
      const text = textOf(member).replace(/\s*\n\s*/g, " ");
      return `- \`${signatureOf(member)
        .replace(/\s*\n\s*/g, " ")
        .replace(/;$/, "")}\`${text ? ` – ${text}` : ""}`;
    });
}

/** An exported name with its signature, docstring and members. */
function section(item) {
  const members = item.kind === "Class" || item.kind === "Interface" ? membersOf(item) : [];
  const lines = [`## ${item.name}`, "", "```ts", signatureOf(item), "```", "", textOf(item), "", ...members];
  return `${lines.join("\n").trim()}\n`;
}

const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
/** Overloads stand together; what an entry takes over from another one is described there. */
const isOwn = ({ kind }) => kind !== "Namespace";

function page(title, items) {
  const own = items.filter(isOwn).sort(byName);
  const head = `# ${title}\n\n<!-- Generated by \`node scripts/api-docs.mjs\` from the declarations. -->\n`;
  return `${[head, ...own.map(section)].join("\n")}`;
}

/** The pages by name, and what is wrong with the declarations. */
function renderApi(root) {
  const { model, parts, problems } = extract(root);
  const namespaces = new Map(
    model.members.filter(({ kind }) => kind === "Namespace").map((each) => [each.name.slice("part_".length), each]),
  );
  const pages = new Map([["luciole.md", page("luciole", model.members)]]);
  for (const name of parts) pages.set(`${name}.md`, page(`luciole/${name}`, namespaces.get(name).members));
  const undocumented = [...pages.keys()].flatMap((name) => undocumentedIn(model, namespaces, name));
  const entries = [...pages.keys()].map((name) => {
    const entry = name === "luciole.md" ? "luciole" : `luciole/${name.slice(0, -3)}`;
    return `- [${entry}](${name})`;
  });
  const intro =
    "What `import … from` gives, entry by entry. Start with [the library guide](../library.md). `luciole/core` offers\n" +
    "what runs without Node, described at the entries that it comes from.";
  pages.set("README.md", `# Reference of the library\n\n${intro}\n\n${entries.join("\n")}\n`);
  return { pages, problems: [...problems.map((each) => `not exported: ${each}`), ...undocumented] };
}

function undocumentedIn(model, namespaces, name) {
  const items = name === "luciole.md" ? model.members : namespaces.get(name.slice(0, -3)).members;
  return items.filter((item) => isOwn(item) && textOf(item) === "").map((item) => `no docstring: ${name} ${item.name}`);
}

/** Writes the pages, or compares them. Gives what is wrong, a line each. */
export function apiDocs(root, { check = false } = {}) {
  const { pages, problems } = renderApi(root);
  const folder = join(root, FOLDER);
  if (!check) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of pages) writeFileSync(join(folder, name), text);
    return problems;
  }
  const present = new Set(readdirSync(folder));
  const stale = [...pages].filter(
    ([name, text]) => !present.has(name) || readFileSync(join(folder, name), "utf8") !== text,
  );
  const gone = [...present].filter((name) => !pages.has(name));
  const notCurrent = [...stale.map(([name]) => name), ...gone].map(
    (name) => `${FOLDER}/${name} is not current: node scripts/api-docs.mjs`,
  );
  return [...problems, ...notCurrent];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  const problems = apiDocs(root, { check: process.argv.includes("--check") });
  for (const line of problems) console.error(line);
  if (problems.length > 0) process.exitCode = 1;
}
