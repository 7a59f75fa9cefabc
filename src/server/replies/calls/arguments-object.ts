// The arguments of a call as an object, for clients that take no text.

/** Parses arguments. What is no JSON object, as where the answer was cut off, stands under `malformed_arguments`. */
export function argumentsObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text || "{}");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // told below
  }
  return { malformed_arguments: text };
}
