// Whether a JSON schema can be enforced while an answer is written, said with the place of what cannot. Knows JSON
// Schema, no grammar engine.
import { ConfigError } from "../../errors.js";

/** A schema as it stands in JSON. */
export type Schema = boolean | { readonly [keyword: string]: unknown };

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"];
/** Keywords that a grammar cannot follow; to ignore them would give answers that break the schema. */
const UNENFORCEABLE = [
  "not",
  "if",
  "then",
  "else",
  "contains",
  "minContains",
  "maxContains",
  "uniqueItems",
  "multipleOf",
  "dependentRequired",
  "dependentSchemas",
];
/** Keywords of which one alone decides: what stands beside them would be ignored. */
const DECISIVE = ["$ref", "const", "enum", "anyOf", "oneOf", "allOf"];
const ANNOTATIONS = [
  "title",
  "description",
  "default",
  "examples",
  "type",
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "definitions",
  "deprecated",
  "readOnly",
  "writeOnly",
];
/** Keywords that hold schemas: one, a list, or a record of them. */
const ONE = [
  "items",
  "additionalProperties",
  "additionalItems",
  "propertyNames",
  "unevaluatedProperties",
  "unevaluatedItems",
];
const LISTS = ["anyOf", "oneOf", "allOf", "prefixItems"];
const RECORDS = ["properties", "patternProperties", "$defs", "definitions"];
const COUNTS = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
const NUMBERS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

/**
 * Checks a schema and spells out what it leaves open: an array without `items` may hold anything, an object without
 * properties too; an object with properties has those alone unless it says otherwise. Throws ConfigError that names the
 * place, what was expected and what stands there.
 */
export function checkedSchema(schema: unknown): Schema {
  // as it will be sent: without undefined, dates as text
  const root = JSON.parse(JSON.stringify(schema) ?? "null") as unknown;
  return new SchemaWalk(root).visit(root, "schema");
}

class SchemaWalk {
  constructor(private readonly root: unknown) {}

  visit(schema: unknown, at: string): Schema {
    if (schema === true) return true;
    if (schema === false) throw new ConfigError(`${at}: false allows no answer; leave it out or give a schema`);
    expect(isRecord(schema), at, "an object or true", schema);
    for (const keyword of UNENFORCEABLE)
      expect(
        schema[keyword] === undefined || schema[keyword] === false,
        `${at}.${keyword}`,
        "no such keyword: it cannot be enforced during generation",
        schema[keyword],
      );
    this.checkValues(schema, at);
    this.checkDecisive(schema, at);
    return { ...this.children(schema, at), ...openEnds(schema) };
  }

  private checkValues(schema: Readonly<Record<string, unknown>>, at: string): void {
    const { type, pattern, required, enum: values, $ref: ref } = schema;
    for (const each of type === undefined ? [] : [type].flat())
      expect(TYPES.includes(each as string), `${at}.type`, `one of ${TYPES.join(", ")}`, each);
    for (const key of COUNTS)
      expect(
        schema[key] === undefined || isCount(schema[key]),
        `${at}.${key}`,
        "a whole number of at least 0",
        schema[key],
      );
    for (const key of NUMBERS)
      expect(schema[key] === undefined || typeof schema[key] === "number", `${at}.${key}`, "a number", schema[key]);
    expect(pattern === undefined || isPattern(pattern), `${at}.pattern`, "a regular expression", pattern);
    expect(
      required === undefined || (Array.isArray(required) && required.every((name) => typeof name === "string")),
      `${at}.required`,
      "a list of names",
      required,
    );
    expect(
      values === undefined || (Array.isArray(values) && values.length > 0),
      `${at}.enum`,
      "a list of at least one value",
      values,
    );
    expect(ref === undefined || this.resolves(ref), `${at}.$ref`, "a place in this schema, such as #/$defs/name", ref);
  }

  private checkDecisive(schema: Readonly<Record<string, unknown>>, at: string): void {
    const keywords = Object.keys(schema);
    const decisive = keywords.find((keyword) => DECISIVE.includes(keyword));
    const beside = decisive && keywords.find((keyword) => keyword !== decisive && !ANNOTATIONS.includes(keyword));
    if (beside)
      throw new ConfigError(`${at}: ${decisive} and ${beside} cannot be enforced together; merge them into one schema`);
    const { allOf } = schema;
    expect(
      !Array.isArray(allOf) || allOf.length === 1,
      `${at}.allOf`,
      "one schema (several cannot be enforced together; merge them)",
      allOf,
    );
  }

  private children(schema: Readonly<Record<string, unknown>>, at: string): Record<string, unknown> {
    const out: Record<string, unknown> = { ...schema };
    if (Array.isArray(schema.items)) return this.places(schema, schema.items, at);
    for (const key of ONE)
      if (schema[key] !== undefined && schema[key] !== false) out[key] = this.visit(schema[key], `${at}.${key}`);
    for (const key of LISTS) {
      const list = schema[key];
      if (list === undefined) continue;
      expect(Array.isArray(list) && list.length > 0, `${at}.${key}`, "a list of at least one schema", list);
      out[key] = list.map((each, i) => this.visit(each, `${at}.${key}[${i}]`));
    }
    for (const key of RECORDS) {
      const record = schema[key];
      if (record === undefined) continue;
      expect(isRecord(record), `${at}.${key}`, "schemas by name", record);
      out[key] = Object.fromEntries(
        Object.entries(record).map(([name, each]) => [name, this.visit(each, `${at}.${key}.${name}`)]),
      );
    }
    return out;
  }

  /** A list whose places have a schema each, in the form of drafts before 2020-12: in that of today. */
  private places(schema: Readonly<Record<string, unknown>>, given: readonly unknown[], at: string) {
    const { additionalItems, items: _, ...rest } = schema;
    const later = additionalItems === undefined ? {} : { items: additionalItems };
    const prefixItems = given.map((each, i) => this.visit(each, `${at}.items[${i}]`));
    return { ...this.children({ ...rest, ...later }, at), ...(prefixItems.length > 0 && { prefixItems }) };
  }

  private resolves(ref: unknown): boolean {
    if (typeof ref !== "string" || !ref.startsWith("#")) return false;
    const names = ref.slice(1).split("/").slice(1);
    const target = names.reduce<unknown>(
      (at, name) =>
        isRecord(at) ? at[decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~")] : undefined,
      this.root,
    );
    return target === true || isRecord(target);
  }
}

/** What an array or object says nothing of is open, not empty. */
function openEnds(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const has = (...keywords: string[]) => keywords.some((keyword) => schema[keyword] !== undefined);
  return {
    ...(schema.type === "array" && !has("items", "prefixItems", "additionalItems") && { items: true }),
    ...(schema.type === "object" &&
      !has("properties", "patternProperties", "additionalProperties", "propertyNames") && {
        additionalProperties: true,
      }),
  };
}

function expect(condition: boolean, at: string, expected: string, got: unknown): asserts condition {
  if (condition) return;
  const text = JSON.stringify(got) ?? "nothing";
  throw new ConfigError(`${at}: expected ${expected}, got ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;

function isPattern(value: unknown): boolean {
  try {
    return typeof value === "string" && new RegExp(value, "u") instanceof RegExp;
  } catch {
    return false;
  }
}
