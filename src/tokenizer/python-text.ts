// How Python writes the lists and dictionaries that a chat template turns into text (`tool | string`): models were
// trained on that text. Knows the template library's values by their `type` alone.

/** A value of the template library. */
export interface TemplateValue {
  readonly type: string;
  readonly value: unknown;
}

/** Python's `str` of a list, a dictionary or what stands in one (there a text is quoted). */
export function pythonText({ type, value }: TemplateValue): string {
  if (value instanceof Map) return `{${[...value].map(pairText).join(", ")}}`;
  if (Array.isArray(value)) return `[${value.map((each) => pythonText(each as TemplateValue)).join(", ")}]`;
  if (typeof value === "string") return quoted(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return type === "FloatValue" ? float(value) : String(value);
  return "None";
}

const pairText = ([key, value]: [unknown, unknown]): string =>
  `${quoted(String(key))}: ${pythonText(value as TemplateValue)}`;

/** Python writes small numbers as 1e-05 where JavaScript writes 0.00001. */
function float(x: number): string {
  if (Number.isInteger(x)) return `${x}.0`;
  if (Math.abs(x) >= 1e-4) return String(x);
  const [digits, exponent] = x.toExponential().split("e-");
  return `${digits}e-${exponent.padStart(2, "0")}`;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** In single quotes, or in double ones where only these save an escape. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replaceAll(/[\\\p{C}\p{Z}]|['"]/gu, (character) => {
    if (character === " ") return character;
    if (character === "'" || character === '"') return character === quote ? `\\${character}` : character;
    return ESCAPES[character] ?? codePoint(character.codePointAt(0) as number);
  });
  return `${quote}${body}${quote}`;
}

function codePoint(code: number): string {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}
