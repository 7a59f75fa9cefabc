// Reads the body of a request as JSON of a known form, within limits of size and depth. Knows no dialect.
import type { z } from "zod";
import { parseForeignJson } from "../../foreign-file.js";
import { ApiError } from "../api-error.js";
import type { Context } from "../context.js";

/** A field that may be left out; clients send null for that as well. */
export const nullish = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? undefined);

/** The body as the schema has it. Throws ApiError naming the first field that cannot be. */
export async function readBody<S extends z.ZodType>(c: Context, schema: S): Promise<z.output<S>> {
  const parsed = parseForeignJson(await bytesOf(c));
  if ("problem" in parsed) throw new ApiError("invalid", `the body is no JSON that can be read: ${parsed.problem}`);
  return checkedBody(schema, parsed.value);
}

/** A value as the schema has it. Throws ApiError naming the first field that cannot be. */
export function checkedBody<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  throw issueError(checked.error);
}

/** The body, read no further than it may be long. */
async function bytesOf(c: Context): Promise<Buffer> {
  const { maxBodyBytes } = c.var;
  const encoding = c.req.header("content-encoding") ?? "identity";
  if (encoding !== "identity")
    throw new ApiError("invalid", `bodies are read as they are sent; send yours without content-encoding: ${encoding}`);
  const chunks: Uint8Array[] = [];
  let size = Number(c.req.header("content-length") ?? 0);
  if (size > maxBodyBytes) throw tooLarge(maxBodyBytes);
  size = 0;
  try {
    for await (const chunk of c.req.raw.body ?? []) {
      size += chunk.length;
      if (size > maxBodyBytes) throw tooLarge(maxBodyBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError("invalid", "the body ended before it was complete", { cause: error });
  }
  return Buffer.concat(chunks);
}

const tooLarge = (maxBytes: number) =>
  new ApiError("too large", `the body is larger than ${maxBytes} bytes; send less, or start with --max-body`, {
    code: "body_too_large",
  });

/** The first thing wrong, with its place. In a choice of forms, of the form that came nearest. */
function issueError({ issues }: z.ZodError): ApiError {
  const { path, message } = deepest(issues[0] as Issue);
  const param = path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${String(key)}`))
    .join("");
  return new ApiError("invalid", param === "" ? message : `${param}: ${message}`, param === "" ? {} : { param });
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly errors?: readonly (readonly Issue[])[];
}

function deepest(issue: Issue): Issue {
  const inner = (issue.errors ?? []).flatMap(([first]) => (first ? [deepest(first)] : []));
  const nearest = inner.sort((a, b) => b.path.length - a.path.length)[0];
  return nearest && nearest.path.length > 0 ? { ...nearest, path: [...issue.path, ...nearest.path] } : issue;
}
