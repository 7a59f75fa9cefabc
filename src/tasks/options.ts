// Reads option objects given by users: strict zod schemas in, ConfigErrors out. Does not know any task.
import { z } from "zod";
import { ConfigError } from "../errors.js";

/** Positive weights by name, at least one of them above zero; they need not sum to 1. */
export const weightsSchema = z
  .record(z.string(), z.number().nonnegative())
  .refine((weights) => Object.values(weights).some((w) => w > 0), { message: "needs at least one weight above 0" });

/** Fraction of all content keys that belong to the held-out split; strictly between 0 and 1. */
export const heldOutFractionSchema = z.number().gt(0).lt(1);

/**
 * Parses `input` by a strict object schema and fills defaults.
 * @throws ConfigError on one line; an unknown key is answered with the known ones.
 */
export function parseOptions<S extends z.ZodObject>(schema: S, input: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue.code === "unrecognized_keys" && issue.path.length === 0) {
    throw new ConfigError(`${what}: unknown option ${issue.keys.map((k) => `"${k}"`).join(", ")}; known options: ${Object.keys(schema.shape).join(", ")}`);
  }
  throw new ConfigError(`${what}: option "${issue.path.join(".") || "(all)"}": ${issue.message}`);
}
