// Reads the docstrings of options out of the sources: for each zod object, what is written above its keys. They serve
// twice: as hover texts in the declarations that the compiler emits (it drops them from inferred types), and in
// docs/options.md.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseAst } from "rolldown/parseAst";

/** The object literal given to `z.strictObject`, however many calls follow it; undefined where there is none. */
function objectOf(node) {
  if (node?.type === "ObjectExpression") return node;
  if (node?.type !== "CallExpression" || node.callee.type !== "MemberExpression") return undefined;
  if (node.callee.property.name === "strictObject") return node.arguments[0];
  return objectOf(node.callee.object);
}

const keyOf = (property) => property.key.name ?? property.key.value;
const tidy = (comment) =>
  comment
    .replaceAll(/^\s*\* ?/gm, "")
    .replaceAll(/\s+/g, " ")
    .trim();

/** Texts by path (`evaluation.problems`), in the order of the source; an option without a docstring has "". */
function textsOf({ object, source }, constants) {
  const texts = new Map();
  for (const property of object.properties) {
    if (property.type === "SpreadElement") {
      const spread = constants.get(property.argument.name);
      for (const [key, text] of spread ? textsOf(spread, constants) : []) texts.set(key, text);
      continue;
    }
    const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(source.slice(0, property.start))?.[1];
    texts.set(keyOf(property), comment === undefined ? "" : tidy(comment));
    const own = objectOf(property.value);
    const inner = own ? { object: own, source } : constants.get(property.value.name);
    for (const [key, text] of inner ? textsOf(inner, constants) : []) texts.set(`${keyOf(property)}.${key}`, text);
  }
  return texts;
}

/** The object literals of a source by the name of their constant, and those of the files that it imports them from. */
function constantsOf(path, withImports) {
  const source = readFileSync(path, "utf8");
  const constants = new Map();
  for (const statement of parseAst(source, { lang: "ts" }).body) {
    if (withImports && statement.type === "ImportDeclaration" && statement.source.value.startsWith(".")) {
      const imported = join(dirname(path), statement.source.value.replace(/\.js$/, ".ts"));
      const names = statement.specifiers.map(({ local }) => local.name);
      const found = existsSync(imported) ? constantsOf(imported, false) : new Map();
      for (const name of names.filter((each) => found.has(each))) constants.set(name, found.get(name));
    }
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    for (const { id, init } of declaration?.type === "VariableDeclaration" ? declaration.declarations : []) {
      const object = objectOf(init);
      if (object) constants.set(id.name, { object, source });
    }
  }
  return constants;
}

/** The zod objects of a source file by the name of their constant, each as a map from an option's path to its text. */
export function readOptionTexts(path) {
  const constants = constantsOf(path, true);
  return new Map([...constants].map(([name, object]) => [name, textsOf(object, constants)]));
}

/** A declaration file with the texts above the keys of its zod objects. */
export function withTexts(declarations, schemas) {
  const path = [];
  let texts;
  return declarations
    .split("\n")
    .flatMap((line) => {
      texts = schemas.get(/declare const (\w+): z\.(?:ZodPipe<z\.)?ZodObject<\{$/.exec(line)?.[1]) ?? texts;
      const [, indent, key] = /^((?: {4})+)"?([\w-]+)"?\??: /.exec(line) ?? [];
      if (!texts || key === undefined) return [line];
      const depth = indent.length / 4;
      path.splice(depth - 1, path.length, key);
      const text = texts.get(path.join("."));
      return text ? [`${indent}/** ${text} */`, line] : [line];
    })
    .join("\n");
}

/** Puts hover texts into the declarations of all sources that hold zod objects. */
export function documentDeclarations(root) {
  for (const folder of ["src", "recipes"])
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      const path = join(entry.parentPath, entry.name);
      const source = readFileSync(path, "utf8");
      const declarations = join(root, "dist", path.slice(root.length)).replace(/\.ts$/, ".d.ts");
      if (!source.includes("strictObject(") || !existsSync(declarations)) continue;
      writeFileSync(declarations, withTexts(readFileSync(declarations, "utf8"), readOptionTexts(path)));
    }
}
