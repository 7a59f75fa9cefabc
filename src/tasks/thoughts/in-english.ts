// Says the symbols of a thought in English, line by line, so that sampled thoughts become readable ones. What is
// English already, and what is in no known form, stays as it is.
import type { CountdownFields } from "../countdown.js";
import { readTerse, spoken } from "../knights-and-knaves.js";
import type { Problem } from "../task.js";
import { spokenAttempt } from "./countdown-thought.js";
import { NOTICED, OPERATOR_WORDS, type Operator } from "./derivation.js";
import { spokenConfirmation, spokenRefutation } from "./knights-thought.js";

const NUMBER = "(-?\\d+(?:/\\d+)?|\\(-?\\d+(?:/\\d+)?\\))";
/** `17-(-4)=21;` */
const STEP = new RegExp(`${NUMBER}([-+*/])${NUMBER}=(-?\\d+(?:/\\d+)?);`, "g");
/** `3+7=10,10*8=80;`, or `!` at the target. */
const ATTEMPT = /(\d+[-+*/]\d+=\d+(?:,\d+[-+*/]\d+=\d+)*)([;!])/g;
/** `101: B=0,A1*C0=1;` */
const REFUTATION = /([01]{2,8}): ([A-H])=([01]),(\S+)=([01]);/g;
/** `011=>!` */
const CONFIRMATION = /([01]{2,8})=>!/g;

const bare = (number: string): string => number.replace(/[()]/g, "");

const spokenSteps = (thought: string): string =>
  thought
    .replaceAll(`${NOTICED.symbols} `, `${NOTICED.english} `)
    .replace(
      STEP,
      (_, left, operator: Operator, right, value) =>
        `${bare(left)} ${OPERATOR_WORDS[operator]} ${bare(right)} is ${value}.`,
    );

const spokenAttempts = (thought: string, { target }: CountdownFields): string =>
  thought.replace(ATTEMPT, (_, steps: string, mark: string) => spokenAttempt(steps, target, mark === "!"));

const spokenPuzzle = (thought: string): string =>
  thought
    .replace(REFUTATION, (line, assignment: string, name: string, bit: string, said: string) => {
      const statement = readTerse(said);
      return statement ? spokenRefutation(assignment, name, bit === "1", spoken(statement)) : line;
    })
    .replace(CONFIRMATION, (_, assignment: string) => spokenConfirmation(assignment));

/** A thought about a problem of the named task, with its symbols said in English. */
export function inEnglish(task: string, problem: Problem<object>, thought: string): string {
  if (task === "countdown") return spokenAttempts(thought, problem.fields as CountdownFields);
  return task === "knights-and-knaves" ? spokenPuzzle(thought) : spokenSteps(thought);
}
