// How knights and knaves are thought about: assignments that do not fit, then the one that does, or giving up with a
// wrong one.
import type { Random } from "../../random.js";
import {
  consistentAssignments,
  isTrue,
  type KnightsAndKnavesFields,
  nameOf,
  spoken,
  terse,
} from "../knights-and-knaves.js";
import type { Thought, ThoughtLine, ThoughtPlan } from "./thought.js";

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

/** `10` as `A is a knight and B is a knave`. */
function supposed(assignment: string): string {
  const each = [...assignment].map((bit, person) => `${nameOf(person)} is a ${bit === "1" ? "knight" : "knave"}`);
  return `${each.slice(0, -1).join(", ")} and ${each[each.length - 1]}`;
}

function refutation(statements: KnightsAndKnavesFields["statements"], knights: number): ThoughtLine {
  const numPeople = statements.length;
  const speaker = statements.findIndex(
    (statement, person) => isTrue(statement, knights, numPeople) !== isKnight(knights, person),
  );
  const [name, truthful] = [nameOf(speaker), isKnight(knights, speaker)];
  return {
    english: spokenRefutation(bits(knights, numPeople), name, truthful, spoken(statements[speaker])),
    symbols: `${bits(knights, numPeople)}: ${name}=${Number(truthful)},${terse(statements[speaker])}=${Number(!truthful)};`,
  };
}

const confirmation = (statements: KnightsAndKnavesFields["statements"], knights: number): ThoughtLine => ({
  english: spokenConfirmation(bits(knights, statements.length)),
  symbols: `${bits(knights, statements.length)}=>!`,
});

/** Why an assignment (a digit for each person, 1 for a knight) does not fit: somebody says what they must not say. */
export const spokenRefutation = (assignment: string, name: string, truthful: boolean, statement: string): string =>
  `Suppose ${supposed(assignment)}. Then ${name}, a ${truthful ? "knight" : "knave"}, says something ` +
  `${truthful ? "false" : "true"}: ${statement}. That cannot be.`;

/** That an assignment fits. */
export const spokenConfirmation = (assignment: string): string =>
  `Suppose ${supposed(assignment)}. Then all that is said fits.`;
