// Text that comes in parts, as all dialects but Ollama's have it.
import { z } from "zod";
import { ApiError } from "../api-error.js";

/** A part of a message. */
export const PART = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  /** What OpenAI's models say where they refuse; it stands in histories. */
  refusal: z.string().optional(),
});
/** What is read of a part. */
export type MessagePart = Readonly<Pick<z.output<typeof PART>, "type" | "text" | "refusal">>;

/** The text of parts: paragraphs, as DeepSeek's own server has it. Throws ApiError for a part that is none. */
export function textOfParts(parts: string | readonly MessagePart[], param: string): string {
  if (typeof parts === "string") return parts;
  return parts
    .map(({ type, refusal, text = refusal }, i) => {
      if (text !== undefined) return text;
      const place = `${param}[${i}]`;
      throw new ApiError("invalid", `${place}: this model reads text alone, got a part of type ${type}`, {
        param: place,
      });
    })
    .join("\n\n");
}
