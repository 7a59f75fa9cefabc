// One mutation of a Python function: a small mistake at a place that the seed chooses. Texts and comments stay.

/** What is replaced by what. A comparison is flipped, an operator swapped, a constant turned round. */
const SWAPS = [
  [
    "comparison",
    /(?<![<>=!])(<=|>=|==|!=|<|>)(?![<>=])/g,
    { "<": ">=", ">": "<=", "<=": ">", ">=": "<", "==": "!=", "!=": "==" },
  ],
  [
    "operator",
    /(?<=[\w)\]] )(\+|-|\*|\/\/|\/|%)(?= [\w([])/g,
    { "+": "-", "-": "+", "*": "+", "//": "*", "/": "*", "%": "//" },
  ],
  ["connective", /\b(and|or)\b/g, { and: "or", or: "and" }],
  ["constant", /\b(True|False)\b/g, { True: "False", False: "True" }],
];

/** The text with everything in texts and comments blanked, so that places stay where they are. */
const withoutTexts = (code) =>
  code.replaceAll(/("""|''')[\s\S]*?\1|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|#.*/g, (text) =>
    text.replaceAll(/[^\n]/g, "\0"),
  );

const replaceAt = (code, at, length, text) => code.slice(0, at) + text + code.slice(at + length);

/** All mutants of a function's body: `{ kind, code }`. */
export function mutants(code) {
  const bare = withoutTexts(code);
  const found = [];
  for (const [kind, pattern, swap] of SWAPS)
    for (const match of bare.matchAll(pattern))
      found.push({ kind, code: replaceAt(code, match.index, match[0].length, swap[match[1]]) });
  for (const match of bare.matchAll(/(?<![\w.])\d+(?![\w.])/g))
    found.push({
      kind: "off by one",
      code: replaceAt(code, match.index, match[0].length, String(Number(match[0]) + 1)),
    });
  for (const match of bare.matchAll(/^( +)return (.+)$/gm))
    found.push({
      kind: "result dropped",
      code: replaceAt(code, match.index, match[0].length, `${match[1]}return None`),
    });
  for (const match of bare.matchAll(/^( +)(?:[\w.[\]]+ [-+*/]?= |[\w.]+\.\w+\().*[^\\([{,]$/gm))
    found.push({ kind: "statement dropped", code: replaceAt(code, match.index, match[0].length, `${match[1]}pass`) });
  return found;
}
