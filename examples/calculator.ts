// A tool as an environment: the model writes <calc>12*7</calc> and goes on behind the result, =84. It comes with any
// task: luciole rl … --environment calculator. A changed copy of this file goes with --environment ./copy.ts
import type { Environment } from "luciole/tasks";
import { evaluateExpression } from "luciole/tasks";

const OPEN = "<calc>";
const CLOSE = "</calc>";

/** The value of the last call in a turn: a whole number or a fraction, or a question mark where it has none. */
function resultOf(turn: string): string {
  const from = turn.lastIndexOf(OPEN);
  const evaluated = from < 0 ? null : evaluateExpression(turn.slice(from + OPEN.length, turn.lastIndexOf(CLOSE)));
  if (evaluated === null) return "?";
  const { num, den } = evaluated.value;
  return den === 1n ? `${num}` : `${num}/${den}`;
}

const calculator: Environment = {
  name: "calculator",
  stops: [CLOSE],
  instruction: `You may use a calculator: write ${OPEN}12*(3+4)${CLOSE}, and the result follows.`,
  begin: () => ({
    // A turn that no call has ended is the last one: null leaves the model's own answer to be graded.
    reply: ({ text, stop }) => (stop === null ? null : `=${resultOf(text)}`),
  }),
};

export default calculator;
