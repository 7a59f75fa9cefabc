// Reads option objects given by users: strict zod schemas in, ConfigErrors out. Does not know any task.
import { z } from "zod";
import { ConfigError, didYouMean } from "../errors.js";

/** Positive weights by name, at least one of them above zero; they need not sum to 1. */
export const weightsSchema = z
  .record(z.string(), z.number().nonnegative())
  .refine((weights) => Object.values(weights).some((w) => w > 0), { message: "needs at least one weight above 0" });

/** Fraction of all content keys that belong to the held-out split; 1 leaves none to train on. */
export const heldOutFractionSchema = z.number().gt(0).max(1);

/** How many problems to take: a number, or all that a task lists. */
export const problemCountSchema = z.union([z.int().min(1), z.literal("all")]);

/**
 * Parses `input` by a strict object schema and fills defaults.
 * @throws ConfigError with every problem on one line; an unknown key is answered with the nearest and the known ones.
 */
export function parseOptions<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  throw new ConfigError(`${what}: ${parsed.error.issues.map((issue) => describeIssue(issue, schema)).join("; ")}`);
}

/** Options that had another name, by that name. */
const RENAMED: Readonly<Record<string, string>> = { slots: "maxSequences", rolloutSlots: "maxSequences" };

/** The options that a run recorded, under the names that they have now. */
export function withCurrentNames(recorded: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const current = (options: object) =>
    Object.fromEntries(Object.entries(options).map(([name, value]) => [RENAMED[name] ?? name, value]));
  const sections = Object.entries(recorded).map(([name, value]) => {
    if (!isRecord(value)) return [name, value];
    if (name === "source") return [name, currentSource(value)];
    return [name, name === "rl" || name === "evaluation" ? currentScaling(current(value)) : value];
  });
  return current(currentSource(Object.fromEntries(sections)));
}

/** Whether advantages were scaled: once yes or no. */
function currentScaling({ scaleRewards, ...rest }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (scaleRewards === undefined) return rest;
  return {
    ...rest,
    scaleRewards: typeof scaleRewards === "boolean" ? (scaleRewards ? "group" : "none") : scaleRewards,
  };
}

/** Where data came from: once the task had the name of its format, and there was one file. */
function currentSource({ task, data, corpus, ...rest }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const files = {
    data: typeof data === "string" ? [data] : data,
    corpus: typeof corpus === "string" ? [corpus] : corpus,
  };
  const given = Object.entries({ task: task === "jsonl" ? "data" : task, ...files });
  return { ...rest, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
}

/** Whether a value is an object of options. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function describeIssue(issue: z.core.$ZodIssue, schema: z.ZodType): string {
  const path = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") return `option "${path.join(".") || "(all)"}": ${issue.message}`;
  const known = keysAt(schema, path);
  const former = issue.keys.find((key) => known.includes(RENAMED[key]));
  if (former !== undefined)
    return `option "${[...path, former].join(".")}" is now "${[...path, RENAMED[former]].join(".")}"`;
  const names = issue.keys.map((key) => `"${[...path, key].join(".")}"${didYouMean(key, known)}`);
  return `unknown option ${names.join(", ")}; known options: ${known.join(", ")}`;
}

/** The keys that the schema takes at a place. */
function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  let at: unknown = schema;
  for (const key of path) at = unwrap(at) instanceof z.ZodObject ? (unwrap(at) as z.ZodObject).shape[key] : undefined;
  const inner = unwrap(at);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** The schema inside defaults, optionals, nullables and what is made of its values. */
function unwrap(schema: unknown): unknown {
  let at = schema;
  for (;;) {
    if (at instanceof z.ZodPipe) at = at.in;
    else if (
      at instanceof z.ZodDefault ||
      at instanceof z.ZodPrefault ||
      at instanceof z.ZodOptional ||
      at instanceof z.ZodNullable
    )
      at = at.unwrap();
    else return at;
  }
}
