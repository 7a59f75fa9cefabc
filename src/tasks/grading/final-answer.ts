// Finds the answer that a text ends in: between answer tags, or in `\boxed{…}`, as reasoning models are asked to write
// it; or the number that a plain reply ends in. Does not judge it.

const OPEN = "<answer>";
const CLOSE = "</answer>";
const BOX = /\\(?:boxed|fbox) {0,3}(?:\{|(?=[\w\\]))/g;

/**
 * What the last `<answer>…</answer>` holds, else the last `\boxed{…}` whose braces balance; null where there is
 * neither. Boxes that a comma or an "and" joins to the last one count with it: `\boxed{1}` and `\boxed{2}` are `1, 2`.
 */
export function finalAnswer(text: string): string | null {
  const close = text.lastIndexOf(CLOSE);
  const open = close < 0 ? -1 : text.lastIndexOf(OPEN, close);
  if (open >= 0) return text.slice(open + OPEN.length, close);
  return text.includes("\\boxed") || text.includes("\\fbox") ? boxedAnswer(text) : null;
}

interface Box {
  readonly from: number;
  readonly to: number;
  readonly content: string;
}

const MAX_BOXES = 20;

function boxedAnswer(text: string): string | null {
  const ends = braceEnds(text);
  const boxes: Box[] = [];
  for (const { index, 0: opening } of [...text.matchAll(BOX)].reverse()) {
    const box = boxAt(text, index, index + opening.length, ends);
    if (!box) continue;
    const next = boxes.at(-1);
    if (next && box.to > next.from) continue; // a box in the last one
    if (next && !isJoint(text.slice(box.to, next.from))) break;
    boxes.push(box);
    if (boxes.length === MAX_BOXES) break;
  }
  const contents = [...new Set(boxes.reverse().map(({ content }) => content))];
  return contents.length === 0 ? null : contents.join(", ");
}

function boxAt(text: string, from: number, begin: number, ends: ReadonlyMap<number, number>): Box | null {
  if (text[begin - 1] !== "{") {
    const [content] = /^(?:\\[A-Za-z]+|\d+(?:\.\d+)?|[A-Za-z])/.exec(text.slice(begin, begin + 40)) ?? [""];
    return content === "" ? null : { from, to: begin + content.length, content };
  }
  const end = ends.get(begin - 1);
  return end === undefined ? null : { from, to: end + 1, content: text.slice(begin, end) };
}

const MAX_JOINT = 60;
/** What takes back the box before. */
const REVISION =
  /\b(?:no|not|wait|but|actually|instead|hmm|rather|correct|so|thus|therefore|then|is|which)\b|[:?!.]|\n\s*\n|=>|→|\\(?:to|implies|Rightarrow)\b/i;

/** Whether what stands between two boxes joins them: nothing, a comma, an "and" with a word or two, the next name. */
function isJoint(between: string): boolean {
  if (between.length > MAX_JOINT || REVISION.test(between)) return false;
  const plain = between.replace(/\\text\w*\{([^{}]*)\}/g, "$1").replace(/\\[a-zA-Z]+|\\.|\$/g, " ");
  const words = plain.match(/[A-Za-z]{2,}/g) ?? [];
  return words.length === 0 || (words.length <= 5 && /\b(?:and|or)\b|[,;]/i.test(plain));
}

/** A number in running text. A sign counts where no operand stands before it: `5-3` ends in 3. */
const NUMBER = /(?:(?<![\d)\]]\s?)-)?\d+(?:,\d{3})*(?:\.\d+)?/g;

/**
 * The last number of a text, as evaluations of GSM8K read plain replies ("flexible-extract" of lm-evaluation-harness);
 * without a number, all of the text. Null for an empty one.
 */
export function plainAnswer(text: string): string | null {
  return text.match(NUMBER)?.at(-1) ?? (text.trim() || null);
}

/** Where each brace closes that does. A backslash takes the brace behind it out of the count. */
function braceEnds(text: string): Map<number, number> {
  const ends = new Map<number, number>();
  const open: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") open.push(at);
    else if (text[at] === "}") {
      const from = open.pop();
      if (from !== undefined) ends.set(from, at);
    }
  }
  return ends;
}
