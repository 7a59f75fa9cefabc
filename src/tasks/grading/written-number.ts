// Numbers in the forms that people and reasoning models write: 1,000 · 42. · \frac{1}{2} · 1\frac12 · .5 · 2\times10^3
// · $18 · 50% · x = 5 · 5\text{ cm}. Exact, and strict: what is not wholly a number is none.

import { equalRationals, type Rational, rational } from "../rational.js";
import { plainNotation } from "./notation.js";

/** A number and what was written beside it. */
export interface WrittenNumber {
  readonly value: Rational;
  /** In the singular, `%` for percent; "" without one. */
  readonly unit: string;
  /** The name of `name = number`; "" without one. */
  readonly name: string;
}

const MAX_DIGITS = 40;
const MAX_EXPONENT = 60;

/** Units that are read without `\text{…}`, in the singular; single letters are left out, for they may be unknowns. */
const PLAIN_UNITS = new Set(
  (
    "mm cm km inch foot feet ft yard mile mg kg gram kilogram lb pound oz ounce ton ml liter litre gallon " +
    "sec second min minute hr hour day week month year " +
    "meter metre centimeter centimetre kilometer kilometre mph km/h m/s cent dollar euro yen degree " +
    "radian unit point person people"
  ).split(" "),
);
const SAME_UNIT: Readonly<Record<string, string>> = {
  ...{
    $: "dollar",
    usd: "dollar",
    "€": "euro",
    eur: "euro",
    "£": "pound sterling",
    "¥": "yen",
    "°": "degree",
    percent: "%",
    pct: "%",
    percentage: "%",
  },
  ...{
    feet: "foot",
    ft: "foot",
    inche: "inch",
    sec: "second",
    min: "minute",
    hr: "hour",
    people: "person",
    "a.m": "am",
    "p.m": "pm",
    litre: "liter",
    metre: "meter",
  },
  ...{ centimetre: "cm", centimeter: "cm", kilometre: "km", kilometer: "km", kilogram: "kg" },
};
const SCALES: Readonly<Record<string, number>> = { hundred: 2, thousand: 3, million: 6, billion: 9, trillion: 12 };

/**
 * Reads a text that is a number and nothing else but its dress, name and unit; null for anything else. Never throws.
 */
export function readNumber(text: string): WrittenNumber | null {
  if (text.length > 500) return null;
  const [, name = "", rest] =
    /^(?:((?:[A-Za-z]|\\[a-z]+)(?:_\{?\w+\}?)?)\s*=)?([^=]*)$/s.exec(plainNotation(text)) ?? [];
  if (rest === undefined) return null;
  const { amount, unit, power } = splitUnit(rest.trim());
  const value = readSigned(plainNotation(amount));
  return value === null
    ? null
    : { value: power === 0 ? value : rational(value.num * 10n ** BigInt(power), value.den), unit, name };
}

/**
 * Whether two written numbers are the same. A name or a unit that only one of them has is no difference; two that
 * differ are. A percentage equals its value and, since questions often ask for "what percentage", the bare number in
 * front of its sign.
 */
export function sameNumber(a: WrittenNumber, b: WrittenNumber): boolean {
  if (a.name !== b.name && a.name !== "" && b.name !== "") return false;
  if (a.unit === b.unit) return equalRationals(a.value, b.value);
  if (a.unit !== "" && b.unit !== "") return false;
  const [percent, bare] = a.unit === "%" ? [a, b] : [b, a];
  if (equalRationals(a.value, b.value)) return true;
  return percent.unit === "%" && equalRationals(rational(percent.value.num, percent.value.den * 100n), bare.value);
}

/**
 * The value of a text that is a number without a unit, and without a name other than `name`; null for anything else.
 */
export function readPlainNumber(text: string, name = ""): Rational | null {
  const number = readNumber(text);
  return number && number.unit === "" && (number.name === "" || number.name === name) ? number.value : null;
}

/** Whether two texts are the same number. */
export function sameWrittenNumber(a: string, b: string): boolean {
  const [first, second] = [readNumber(a), readNumber(b)];
  return first !== null && second !== null && sameNumber(first, second);
}

/** Parts an amount from its unit, before it ($) or behind it, and from a word for a power of ten. */
function splitUnit(text: string): { amount: string; unit: string; power: number } {
  const before = /^([+-]?)\s*([$€£¥])\s*([\d.+-][^$]*)$/s.exec(text);
  if (before) return { amount: before[1] + before[3], unit: unitNamed(before[2]), power: 0 };
  const boxed =
    /^(.*?)\s*\\(?:text|textnormal|textbf|textit|textrm|mathrm|mathbf|mbox)\{([^{}]*)\}\s*(\^\{?[23]\}?)?$/s.exec(text);
  if (boxed) return fromWord(boxed[1], boxed[2], boxed[3] ?? "", true);
  const behind = /^(.*?[\d.})$])(?:\s*([$€£¥%°])|\s*([A-Za-z]{2,}(?:\/[a-z]+)?)(\^\{?[23]\}?)?)$/s.exec(text);
  if (!behind) return { amount: text, unit: "", power: 0 };
  return behind[2]
    ? { amount: behind[1], unit: unitNamed(behind[2]), power: 0 }
    : fromWord(behind[1], behind[3], behind[4] ?? "", false);
}

/** A word behind a number: a power of ten or a unit; `isText`: it stood in \text{…}, where any word is one. */
function fromWord(
  amount: string,
  word: string,
  exponent: string,
  isText: boolean,
): { amount: string; unit: string; power: number } {
  const name = word.trim().replace(/\.$/, "").toLowerCase();
  if (Object.hasOwn(SCALES, name) && exponent === "") return { amount, unit: "", power: SCALES[name] };
  const unit = unitNamed(name);
  if (!isText && unit !== "%" && !PLAIN_UNITS.has(name) && !PLAIN_UNITS.has(singular(name)) && !PLAIN_UNITS.has(unit))
    return { amount: `${amount} ${word}`, unit: "", power: 0 };
  return { amount, unit: unit + exponent.replace(/[{}]/g, ""), power: 0 };
}

const singular = (word: string): string => (word.length > 3 ? word.replace(/s$/, "") : word);
/** The one name of a unit, in the singular. */
export const unitNamed = (word: string): string =>
  Object.hasOwn(SAME_UNIT, singular(word)) ? SAME_UNIT[singular(word)] : singular(word);
/** Whether a word needs no `\\text{…}` to be a unit. */
export const isPlainUnit = (word: string): boolean => PLAIN_UNITS.has(word) || PLAIN_UNITS.has(singular(word));

function readSigned(text: string): Rational | null {
  const inner = /^\(([^,()]*)\)$/s.exec(text)?.[1]; // with a comma in it, a pair
  if (inner !== undefined) return readSigned(inner.trim());
  const [, sign, body] = /^([+-]?)\s*(.*)$/s.exec(text) ?? [];
  const value = sign !== "" && body.startsWith("(") ? readSigned(body) : readUnsigned(body);
  return value && sign === "-" ? rational(-value.num, value.den) : value;
}

function readUnsigned(text: string): Rational | null {
  return readDecimal(text) ?? readScientific(text) ?? readFraction(text) ?? readMixed(text);
}

/** Digits, perhaps grouped by commas or spaces, a fraction, and `\\overline` over what repeats. */
const DECIMAL = new RegExp(
  "^(\\d{0,40}|[1-9]\\d{0,2}(?:,\\d{3}){1,12}|[1-9]\\d{0,2}(?: \\d{3}){1,12})" +
    "(?:\\.(\\d{0,40})(?:\\\\overline(?:\\{(\\d{1,40})\\}|(\\d)))?)?$",
);

/** `1000`, `1,000`, `1 000`, `1,000.50`, `42.`, `.5`, `0.1\overline{6}`. */
function readDecimal(text: string): Rational | null {
  const [, whole, decimals = "", block, digit = "", repeating = block ?? digit] = DECIMAL.exec(text) ?? [];
  if (whole === undefined || whole + decimals + repeating === "") return null;
  const digits = whole.replace(/[, ]/g, "") + decimals;
  if (digits.length > 2 * MAX_DIGITS) return null;
  const plain = rational(BigInt(digits || "0"), 10n ** BigInt(decimals.length));
  if (repeating === "") return plain;
  const tail = { num: BigInt(repeating), den: (10n ** BigInt(repeating.length) - 1n) * 10n ** BigInt(decimals.length) };
  return rational(plain.num * tail.den + tail.num * plain.den, plain.den * tail.den);
}

/** `2*10^3`, `2*10^{-3}`, `10^6`, `2e3`. */
function readScientific(text: string): Rational | null {
  const match = /^(?:(?:(.*?)\s*\*\s*)?10\s*\^\s*|(.*?)[eE])(?:\{\s*([+-]?\d{1,3})\s*\}|([+-]?\d{1,3}))$/s.exec(text);
  if (!match) return null;
  const [, before = match[2] ?? "1", , braced, plain] = match;
  const [factor, exponent] = [readDecimal(before.trim()), Number(braced ?? plain)];
  if (!factor || Math.abs(exponent) > MAX_EXPONENT) return null;
  return exponent < 0
    ? rational(factor.num, factor.den * 10n ** BigInt(-exponent))
    : rational(factor.num * 10n ** BigInt(exponent), factor.den);
}

/** `3/4`, `{3}/{-4}`, `\frac{3}{4}`, `\frac34`; numerator and denominator are decimals. */
function readFraction(text: string): Rational | null {
  const [, a, b, c, d] = /^(?:\\frac\s*(\{[^{}]*\}|\d)\s*(\{[^{}]*\}|\d)|([^/]+)\/([^/]+))$/s.exec(text) ?? [];
  const [above, below] = [a ?? c, b ?? d].map((part) => (part === undefined ? null : readTerm(part)));
  if (!above || !below || below.num === 0n) return null;
  return rational(above.num * below.den, above.den * below.num);
}

function readTerm(text: string): Rational | null {
  const [, sign, body] = /^\{?\s*([+-]?)\s*(.*?)\s*\}?$/s.exec(text.trim()) ?? [];
  const value = readDecimal(body);
  return value && sign === "-" ? rational(-value.num, value.den) : value;
}

/** `1\frac{1}{2}`, `1 1/2`: a whole number and a proper fraction. */
function readMixed(text: string): Rational | null {
  const [, whole, part] = /^(\d{1,40})(\s*\\frac.*|\s+\d+\s*\/\s*\d+)$/s.exec(text) ?? [];
  const fraction = part === undefined ? null : readFraction(part.trim());
  if (!fraction || fraction.num <= 0n || fraction.num >= fraction.den) return null;
  return rational(BigInt(whole) * fraction.den + fraction.num, fraction.den);
}
