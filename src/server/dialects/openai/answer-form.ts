// The fields by which requests bind the form of an answer: OpenAI's, and those by which llama.cpp and vLLM have the
// same or more. What binds in a way that is not here is refused: an answer that is free is no answer to it. Knows no
// path.
import { z } from "zod";
import { ApiError } from "../../api-error.js";
import { nullish } from "../../http/body.js";

const SCHEMA = z.record(z.string(), z.unknown());
const RESPONSE_FORMAT = z.union(
  [
    z.looseObject({ type: z.literal("text") }),
    // llama.cpp's clients give a schema beside it.
    z.looseObject({ type: z.literal("json_object"), schema: nullish(SCHEMA) }),
    z.looseObject({
      type: z.literal("json_schema"),
      json_schema: z.looseObject({ name: z.string().optional(), schema: SCHEMA }),
    }),
  ],
  "expected type text, json_object, or json_schema with json_schema.schema",
);

/** The fields of /chat/completions. */
export const FORM_FIELDS = {
  response_format: nullish(RESPONSE_FORMAT),
  /** llama.cpp's and vLLM's names for a schema. */
  json_schema: nullish(SCHEMA),
  guided_json: nullish(SCHEMA),
};
type FormFields = z.output<z.ZodObject<typeof FORM_FIELDS>>;

/** The schema that holds the answer, where there is one. */
export function schemaOf({ response_format: format, json_schema: plain, guided_json: guided = plain }: FormFields) {
  if (format?.type === "json_object") return { schema: format.schema ?? { type: "object" } };
  const schema = format?.type === "json_schema" ? format.json_schema.schema : guided;
  return schema === undefined ? {} : { schema };
}

const OTHER_BONDS = ["grammar", "guided_grammar", "guided_regex", "guided_choice", "structured_outputs"];

/** Refuses a body that binds its answer by something else than a schema. */
export function refuseOtherBonds(body: Readonly<Record<string, unknown>>): void {
  const param = OTHER_BONDS.find((name) => (body[name] ?? null) !== null);
  if (param === undefined) return;
  throw new ApiError("invalid", `${param}: answers are held by JSON schemas alone; give one in response_format`, {
    param,
    code: "unsupported_value",
  });
}
