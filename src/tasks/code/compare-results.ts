// Whether what a program gave is what was expected. It compares texts and JSON values, outside the interpreter that ran
// the program: nothing that a program defines takes part.

/** The lines of an output as judges compare them: without white space at the end of lines and of the text. */
function linesOf(output: string): string[] {
  const lines = output.split("\n").map((line) => line.trimEnd());
  while (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Whether two outputs are the same to a judge. */
export function sameOutput(expected: string, given: string, tolerance?: number): boolean {
  const [a, b] = [linesOf(expected), linesOf(given)];
  return a.length === b.length && a.every((line, i) => line === b[i] || sameWords(line, b[i], tolerance));
}

function sameWords(expected: string, given: string, tolerance: number | undefined): boolean {
  if (tolerance === undefined) return false;
  const [a, b] = [expected.trim().split(/\s+/), given.trim().split(/\s+/)];
  return (
    a.length === b.length && a.every((word, i) => word === b[i] || areNear(asNumber(word), asNumber(b[i]), tolerance))
  );
}

const asNumber = (word: string): number =>
  /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(word) ? Number(word) : Number.NaN;

/** False where one is no number. */
const areNear = (expected: number, given: number, tolerance: number): boolean =>
  expected === given || Math.abs(expected - given) <= tolerance * Math.max(1, Math.abs(expected));

/** A JSON value, with integers beyond 2^53 as bigints. Python's NaN and Infinity are read too. @throws SyntaxError */
function readValue(text: string): unknown {
  const marked = text.replaceAll(
    /"(?:[^"\\]|\\.)*"|-?\b(?:\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|Infinity)\b|\bNaN\b/g,
    (token) => {
      if (token.startsWith('"')) return token;
      const isExact = /^-?\d{1,15}$/.test(token) || /^-?\d{1,15}[.eE]/.test(token);
      return isExact ? token : JSON.stringify({ [NUMBER]: token });
    },
  );
  return JSON.parse(marked, (_, value) => (isMarked(value) ? numberOf(value[NUMBER]) : value));
}

/** The key of a number that JSON does not read as it stands. */
const NUMBER = "\u0000number";
const isMarked = (value: unknown): value is { readonly [NUMBER]: string } =>
  typeof value === "object" && value !== null && Object.hasOwn(value, NUMBER);
const numberOf = (text: string): number | bigint => (/^-?\d+$/.test(text) ? BigInt(text) : Number(text));

/** Whether two values in JSON are equal: numbers by value, objects by keys in any order. False for what is no JSON. */
export function sameValue(expected: string, given: string, tolerance?: number): boolean {
  try {
    return areEqual(readValue(expected), readValue(given), tolerance);
  } catch {
    return false; // no JSON, or deeper than the stack
  }
}

function areEqual(a: unknown, b: unknown, tolerance: number | undefined): boolean {
  if (isNumber(a) && isNumber(b)) {
    // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number are compared by value
    return a == b || (tolerance !== undefined && areNear(Number(a), Number(b), tolerance));
  }
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, i) => areEqual(each, b[i], tolerance));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && areEqual(a[key], b[key], tolerance))
    );
  }
  return a === b;
}

const isNumber = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint";
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
