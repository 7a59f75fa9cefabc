// Texts from which a small model learns what a calculator is, and not that it pays: sums and products of two numbers,
// answered by a guess, or by a call of the calculator that may be wrong and whose result may be copied wrongly. Then
// reinforcement with examples/calculator.ts finds out what pays (docs/environments.md has the commands).
// Run it after `npm run build`:  node dist/examples/tool-traces.js [number of texts] > traces.jsonl
import { Random } from "luciole";
import { createArithmeticTask, evaluateExpression } from "luciole/tasks";

/** The problems of `--task arithmetic`, with the options that docs/environments.md gives them. */
const task = createArithmeticTask({ minDigits: 2, maxDigits: 2, operators: { "+": 1, "*": 1 } });
const random = new Random(1);

/** One digit changed. */
function misread(text: string): string {
  const at = random.below(text.length);
  return /\d/.test(text[at]) ? `${text.slice(0, at)}${1 + random.below(9)}${text.slice(at + 1)}` : text;
}

function thought(expression: string, answer: string): [thought: string, answer: string] {
  if (random.float() < 0.5) return ["", misread(misread(answer))];
  if (random.float() < 0.03) return [`<calc>${expression.slice(1 + random.below(4))}+</calc>=?`, misread(answer)];
  const call = random.float() < 0.6 ? expression : misread(expression);
  const result = `${evaluateExpression(call)?.value.num}`;
  return [`<calc>${call}</calc>=${result}`, random.float() < 0.7 ? result : misread(result)];
}

for (let i = 0; i < Number(process.argv[2] ?? 20000); i++) {
  const problem = task.generate(1, i, "train");
  const { a, operator, b } = problem.fields;
  const [think, answer] = thought(`${a}${operator}${b}`, problem.answer);
  const text = `${task.renderPrompt(problem, "compact")}<think>${think}</think><answer>${answer}</answer>`;
  console.log(JSON.stringify({ text }));
}
