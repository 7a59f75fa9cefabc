// Takes the dress off what people and models write as an answer: boxes, dollar signs, emphasis, LaTeX's spaces and
// spellings. What stays means the same; knows nothing of what it says.
import { finalAnswer } from "./final-answer.js";

/** Longer answers are not numbers or short expressions, and are left as they are. */
const MAX_LENGTH = 1000;

/** What may stand around a whole answer. */
const WRAPPERS: readonly RegExp[] = [
  /^\$\$([^$]*)\$\$$/,
  /^\$((?:[^$\\]|\\.)*)\$$/s,
  /^\\\(((?:(?!\\\)).)*)\\\)$/s,
  /^\\\[((?:(?!\\\]).)*)\\\]$/s,
  /^\*\*((?:(?!\*\*).)*)\*\*$/s,
  /^__((?:(?!__).)*)__$/s,
  /^`([^`]*)`$/,
  /^\{([^{}]*)\}$/,
  /^\\(?:text|textnormal|textbf|textit|textrm|mathrm|mathbf|mathit|mbox)\{([^{}]*)\}$/,
  /^(.*[^.\s])\s*[.。]$/s,
];

/** What is spelled in several ways, and the one spelling it gets. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/,\s*\\!\s*/g, ","],
  [/\\(?:left|right|displaystyle|textstyle|limits|!)(?![a-zA-Z])/g, ""],
  [/(?<!\\)\\[,;: ]|~|\\q?quad(?![a-zA-Z])|\u00A0|\u2009|\u202F/g, " "],
  [/\\[dtc]frac(?![a-zA-Z])/g, "\\frac"],
  [/\s*\{\s*,\s*\}\s*/g, ","],
  [/\\([%$])/g, "$1"],
  [/[\u2212\u2013\uFE63\uFF0D]/g, "-"],
  [/\\times(?![a-zA-Z])|\\cdot(?![a-zA-Z])|[×·∙]/g, "*"],
  [/\\div(?![a-zA-Z])|[÷\u2044]/g, "/"],
  [/\^\s*(?:\\circ(?![a-zA-Z])|\{\s*\\circ\s*\})/g, "°"],
];

/** What there is anything to do about; most answers have none of it. */
const DRESSED = /[\\$`{}~\u0080-\uFFFF]|\*\*|__|\.\s*$/;

/** The answer without its dress: the content of its last box if it has one, unwrapped, in one spelling. */
export function plainNotation(text: string): string {
  if (text.length > MAX_LENGTH) return text;
  if (!DRESSED.test(text)) return text.trim();
  let plain = (finalAnswer(text) ?? text).trim();
  if (!plain.includes("\\begin")) plain = plain.replace(/\\\\(?=[A-Za-z])/g, "\\"); // escaped once too often
  for (let before = ""; before !== plain; ) {
    before = plain;
    for (const wrapper of WRAPPERS) plain = (wrapper.exec(plain)?.[1] ?? plain).trim();
  }
  for (const [pattern, spelling] of SPELLINGS) plain = plain.replace(pattern, spelling);
  return plain
    .replace(/[\uFF01-\uFF5E]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replace(/[\u00BC-\u00BE\u2150-\u215E]/g, (fraction) => ` ${fraction.normalize("NFKC").replace("\u2044", "/")}`)
    .replace(/[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+/g, (power) => `^{${power.normalize("NFKC").replace("\u2212", "-")}}`)
    .trim();
}
