// How a Countdown is thought about: attempts that miss the target, then one that hits it, or giving up with a wrong
// one.
import type { Random } from "../../random.js";
import { type CountdownFields, numberTerm } from "../countdown.js";
import { type Attempt, makeAttempt, type SearchStyle } from "../countdown-traces.js";
import { OPERATOR_WORDS, type Operator } from "./derivation.js";
import type { Thought, ThoughtLine, ThoughtPlan } from "./thought.js";

/** After so many attempts a search that is to succeed gives up. */
const MAX_ATTEMPTS = 400;

/** Failed attempts, then one that reaches the target, or (in a wrong thought) the last failure as the answer. */
export function thinkCountdown({ numbers, target }: CountdownFields, plan: ThoughtPlan, random: Random): Thought {
  const start = numbers.map(numberTerm);
  const style: SearchStyle = random.below(2) === 0 ? "random" : "greedy-last";
  const failures = new Map<string, Attempt>();
  const wanted = plan.correct ? plan.numFailures : Math.max(plan.numFailures, 1);
  let hit: Attempt | null = null;
  for (let i = 0; i < MAX_ATTEMPTS && (failures.size < wanted || (plan.correct && hit === null)); i++) {
    const attempt = makeAttempt(start, target, style, random);
    if (attempt.result.value === target) hit = attempt;
    else if (failures.size < wanted) failures.set(attempt.steps, attempt);
  }
  if (!plan.correct) hit = null;
  const lines = [...failures.values()].map((attempt) => attemptLine(attempt, target));
  if (hit) return { lines: [...lines, attemptLine(hit, target)], answer: hit.result.text, correct: true };
  const last = [...failures.values()].at(-1);
  if (last) return { lines, answer: last.result.text, correct: false };
  // Every attempt hits the target, so that no wrong one can be told.
  const any = makeAttempt(start, target, style, random);
  return { lines: [attemptLine(any, target)], answer: any.result.text, correct: any.result.value === target };
}

/** One attempt in both languages. */
const attemptLine = ({ steps, result }: Attempt, target: number): ThoughtLine => ({
  english: spokenAttempt(steps, target, result.value === target),
  symbols: `${steps}${result.value === target ? "!" : ";"}`,
});

/** `3+7=10,10*8=80` as `3 plus 7 is 10, then 10 times 8 is 80, not 24.` */
export function spokenAttempt(steps: string, target: number, hits: boolean): string {
  const spokenSteps = steps.split(",").map((step) => {
    const [, a, operator, b, c] = /^(\d+)(\D)(\d+)=(\d+)$/.exec(step) ?? [];
    return `${a} ${OPERATOR_WORDS[operator as Operator]} ${b} is ${c}`;
  });
  return `${spokenSteps.join(", then ")}, ${hits ? "as asked" : `not ${target}`}.`;
}
