// Text that comes in parts, as all dialects but Ollama's have it.
import { ApiError } from "../api-error.js";

/** A part of a message. */
export interface MessagePart {
  readonly type: string;
  readonly text?: string;
}

/** The text of parts: paragraphs, as DeepSeek's own server has it. Throws ApiError for a part that is none. */
export function textOfParts(parts: string | readonly MessagePart[], param: string): string {
  if (typeof parts === "string") return parts;
  return parts
    .map(({ type, text }, i) => {
      if (text !== undefined) return text;
      const place = `${param}[${i}]`;
      throw new ApiError("invalid", `${place}: this model reads text alone, got a part of type ${type}`, {
        param: place,
      });
    })
    .join("\n\n");
}
