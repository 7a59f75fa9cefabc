// Numbers whose thousands are grouped, and whose decimals are parted, in other ways than by comma and point.
import { plainNotation } from "./notation.js";

/**
 * `1.234.567`, `1.234,5`, `1 234,5`, `1'234.5`, `0,25`. A single comma groups thousands before three digits, and parts
 * a list before one.
 */
const STYLES: readonly (readonly [pattern: RegExp, group: string])[] = [
  [/^\d{1,3}(?:\.\d{3}){2,}$|^\d{1,3}(?:\.\d{3})+,\d+$/, "."],
  [/^\d{1,3}(?: \d{3})+,\d+$/, " "],
  [/^\d{1,3}(?:['’]\d{3})+(?:\.\d+)?$/, "'"],
  [/^(?:\d+,(?:\d\d|\d{4,})|0,\d{2,}|\d{4,},\d+)$/, ""],
];

/** The text with its one number in points and nothing else; null where the number needs no rewriting. */
export function inOtherSeparators(text: string): string | null {
  const plain = plainNotation(text);
  const [, before = "", number, after = ""] = /^(\D*)(\d[\d.,'’ ]*\d)(\D*)$/.exec(plain) ?? [];
  if (number === undefined) return null;
  for (const [pattern, group] of STYLES)
    if (pattern.test(number)) {
      const joined = number
        .replaceAll("’", "'")
        .split(group === "" ? "\0" : group)
        .join("");
      return `${before}${joined.replace(",", ".")}${after}`;
    }
  return null;
}
