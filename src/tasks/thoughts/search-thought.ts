// How the tasks with search are thought about: attempts that fail, one that fits, or giving up with a wrong one.
// Countdown combines numbers; knights and knaves tries assignments.
import type { Random } from "../../random.js";
import { type CountdownFields, numberTerm } from "../countdown.js";
import { type Attempt, makeAttempt, type SearchStyle } from "../countdown-traces.js";
import {
  consistentAssignments,
  isTrue,
  type KnightsAndKnavesFields,
  nameOf,
  spoken,
  terse,
} from "../knights-and-knaves.js";
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

const OPERATOR_WORDS: Readonly<Record<string, string>> = { "+": "plus", "-": "minus", "*": "times", "/": "divided by" };

/** `3 plus 7 is 10, then 10 times 8 is 80, not 24.` and `3+7=10,10*8=80;` (`!` at the target). */
function attemptLine({ steps, result }: Attempt, target: number): ThoughtLine {
  const hits = result.value === target;
  const spokenSteps = steps
    .split(",")
    .map((step) =>
      step.replace(/^(\d+)(\D)(\d+)=(\d+)$/, (_, a, operator, b, c) => `${a} ${OPERATOR_WORDS[operator]} ${b} is ${c}`),
    )
    .join(", then ");
  return { english: `${spokenSteps}, ${hits ? "as asked" : `not ${target}`}.`, symbols: `${steps}${hits ? "!" : ";"}` };
}

/** Assignments in random order, each refuted by the first statement that does not fit, and the one that fits. */
export function thinkKnights({ statements }: KnightsAndKnavesFields, plan: ThoughtPlan, random: Random): Thought {
  const solution = consistentAssignments(statements)[0];
  const others = Array.from({ length: 1 << statements.length }, (_, knights) => knights).filter(
    (knights) => knights !== solution,
  );
  const wanted = plan.correct ? plan.numFailures : Math.max(plan.numFailures, 1);
  const tried = random.shuffle(others).slice(0, wanted);
  const lines = tried.map((knights) => refutation(statements, knights));
  const last = plan.correct ? solution : tried[tried.length - 1];
  return {
    lines: plan.correct ? [...lines, confirmation(statements, solution)] : lines,
    answer: assignmentText(last, statements.length),
    correct: plan.correct,
  };
}

const isKnight = (knights: number, person: number): boolean => ((knights >> person) & 1) === 1;
const bits = (knights: number, numPeople: number): string =>
  Array.from({ length: numPeople }, (_, person) => Number(isKnight(knights, person))).join("");

/** `A=knight, B=knave`. */
const assignmentText = (knights: number, numPeople: number): string =>
  Array.from({ length: numPeople }, (_, p) => `${nameOf(p)}=${isKnight(knights, p) ? "knight" : "knave"}`).join(", ");

/** `A is a knight and B is a knave`. */
function supposed(knights: number, numPeople: number): string {
  const each = Array.from(
    { length: numPeople },
    (_, p) => `${nameOf(p)} is a ${isKnight(knights, p) ? "knight" : "knave"}`,
  );
  return `${each.slice(0, -1).join(", ")} and ${each[each.length - 1]}`;
}

function refutation(statements: KnightsAndKnavesFields["statements"], knights: number): ThoughtLine {
  const numPeople = statements.length;
  const speaker = statements.findIndex(
    (statement, person) => isTrue(statement, knights, numPeople) !== isKnight(knights, person),
  );
  const [name, truthful] = [nameOf(speaker), isKnight(knights, speaker)];
  return {
    english:
      `Suppose ${supposed(knights, numPeople)}. Then ${name}, a ${truthful ? "knight" : "knave"}, says something ` +
      `${truthful ? "false" : "true"}: ${spoken(statements[speaker])}. That cannot be.`,
    symbols: `${bits(knights, numPeople)}: ${name}=${Number(truthful)},${terse(statements[speaker])}=${Number(!truthful)};`,
  };
}

const confirmation = (statements: KnightsAndKnavesFields["statements"], knights: number): ThoughtLine => ({
  english: `Suppose ${supposed(knights, statements.length)}. Then all that is said fits.`,
  symbols: `${bits(knights, statements.length)}=>!`,
});
