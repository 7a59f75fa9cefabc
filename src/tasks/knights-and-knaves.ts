// Knights (who only tell the truth) and knaves (who only lie): each person says one thing; who is what? Exactly one
// assignment fits. Generator and verifier; knows no model.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import type { Random } from "../random.js";
import { heldOutFractionSchema, parseOptions, weightsSchema } from "./options.js";
import { drawInSplit, type Problem, type Split, type Task } from "./task.js";
import { renderWording } from "./templates.js";
import { validateTask } from "./validate-task.js";
import { weightedIntegerDraw } from "./weighted-draw.js";

/** The options, as zod checks them. */
export const knightsAndKnavesSchema = z.strictObject({
  /** Weights of the possible numbers of people in a puzzle, from 2 to 8: `{3: 1}`. */
  people: weightsSchema.default({ 3: 1 }),
  /** Fraction of all distinct problems that is held out for evaluation. */
  heldOutFraction: heldOutFractionSchema.default(0.1),
});

/** Knobs of the task; every one has a default. */
export type KnightsAndKnavesOptions = z.input<typeof knightsAndKnavesSchema>;

/** `who` says of a person what they are. People are numbered from 0 (A). */
export interface Claim {
  readonly who: number;
  readonly knight: boolean;
}

/**
 * What one person says: a claim, two claims joined, whether two people are alike, or how many knights there are in all.
 */
export type Statement =
  | ({ readonly kind: "is" } & Claim)
  | { readonly kind: "and" | "or"; readonly first: Claim; readonly second: Claim }
  | { readonly kind: "alike"; readonly first: number; readonly second: number; readonly alike: boolean }
  | { readonly kind: "count"; readonly numKnights: number };

/** `statements[i]` is spoken by person i. */
export type KnightsAndKnavesFields = { readonly statements: readonly Statement[] };
/** One problem of the task. */
export type KnightsAndKnavesProblem = Problem<KnightsAndKnavesFields>;

/** The name of a person: A, B, … */
export const nameOf = (person: number): string => "ABCDEFGH"[person];

/** Whether a statement is true when bit i of `knights` says that person i is a knight. */
export function isTrue(statement: Statement, knights: number, numPeople: number): boolean {
  const isKnight = (person: number): boolean => ((knights >> person) & 1) === 1;
  const holds = (claim: Claim): boolean => isKnight(claim.who) === claim.knight;
  switch (statement.kind) {
    case "is":
      return holds(statement);
    case "and":
      return holds(statement.first) && holds(statement.second);
    case "or":
      return holds(statement.first) || holds(statement.second);
    case "alike":
      return (isKnight(statement.first) === isKnight(statement.second)) === statement.alike;
    case "count": {
      let numKnights = 0;
      for (let person = 0; person < numPeople; person++) numKnights += Number(isKnight(person));
      return numKnights === statement.numKnights;
    }
  }
}

/** All assignments (bit i: person i is a knight) under which everyone speaks as they must, found by trying all 2^n. */
export function consistentAssignments(statements: readonly Statement[]): number[] {
  const numPeople = statements.length;
  const found: number[] = [];
  for (let knights = 0; knights < 1 << numPeople; knights++) {
    if (
      statements.every(
        (statement, person) => isTrue(statement, knights, numPeople) === (((knights >> person) & 1) === 1),
      )
    )
      found.push(knights);
  }
  return found;
}

/** A statement by `speaker`; people speak about others, or about the whole company. */
function drawStatement(speaker: number, numPeople: number, random: Random): Statement {
  const other = (): number => (speaker + 1 + random.below(numPeople - 1)) % numPeople;
  const claim = (): Claim => ({ who: other(), knight: random.below(2) === 1 });
  const kind = random.pick(["is", "is", "and", "or", "alike", "count"] as const);
  if (kind === "count") return { kind, numKnights: random.below(numPeople + 1) };
  const first = claim();
  const second = claim();
  if (kind === "is" || first.who === second.who) return { kind: "is", ...first };
  const [low, high] = first.who < second.who ? [first, second] : [second, first];
  return kind === "alike"
    ? { kind, first: low.who, second: high.who, alike: first.knight }
    : { kind, first: low, second: high };
}

const terseClaim = ({ who, knight }: Claim): string => `${nameOf(who)}${knight ? 1 : 0}`;

/** `B0`, `B1*C0` (and), `B1+C0` (or), `B=C`, `B/C` (unlike), `2` (knights in all). */
export function terse(statement: Statement): string {
  if (statement.kind === "is") return terseClaim(statement);
  if (statement.kind === "count") return `${statement.numKnights}`;
  if (statement.kind === "alike")
    return `${nameOf(statement.first)}${statement.alike ? "=" : "/"}${nameOf(statement.second)}`;
  return `${terseClaim(statement.first)}${statement.kind === "and" ? "*" : "+"}${terseClaim(statement.second)}`;
}

const TERSE_CLAIM = "([A-H])([01])";
const TERSE = new RegExp(`^(?:${TERSE_CLAIM}(?:([*+])${TERSE_CLAIM})?|([A-H])([=/])([A-H])|(\\d))$`);

/** Reads what `terse` writes; null for anything else. */
export function readTerse(text: string): Statement | null {
  const [match, name, bit, joint, otherName, otherBit, left, likeness, right, count] = TERSE.exec(text) ?? [];
  if (match === undefined) return null;
  const personOf = (letter: string): number => "ABCDEFGH".indexOf(letter);
  if (count !== undefined) return { kind: "count", numKnights: Number(count) };
  if (likeness) return { kind: "alike", first: personOf(left), second: personOf(right), alike: likeness === "=" };
  const first = { who: personOf(name), knight: bit === "1" };
  if (!joint) return { kind: "is", ...first };
  const second = { who: personOf(otherName), knight: otherBit === "1" };
  return { kind: joint === "*" ? "and" : "or", first, second };
}

const spokenClaim = ({ who, knight }: Claim): string => `${nameOf(who)} is a ${knight ? "knight" : "knave"}`;

/** A statement as an English clause. */
export function spoken(statement: Statement): string {
  if (statement.kind === "is") return spokenClaim(statement);
  if (statement.kind === "count")
    return `exactly ${statement.numKnights} of us ${statement.numKnights === 1 ? "is a knight" : "are knights"}`;
  if (statement.kind === "alike")
    return (
      `${nameOf(statement.first)} and ${nameOf(statement.second)} are ` +
      `${statement.alike ? "of the same kind" : "of different kinds"}`
    );
  return `${spokenClaim(statement.first)} ${statement.kind} ${spokenClaim(statement.second)}`;
}

const MAX_ANSWER_LENGTH = 1000;

/**
 * Reads `101`, or a mention such as `A=knight, B is a knave` of everyone; null unless every person is named and none in
 * two ways.
 */
function readAssignment(text: string, numPeople: number): number | null {
  if (text.length > MAX_ANSWER_LENGTH) return null;
  const bits = text.trim();
  if (/^[01]+$/.test(bits))
    return bits.length === numPeople ? [...bits].reduce((sum, bit, person) => sum + (Number(bit) << person), 0) : null;
  const named = new Map<number, boolean>();
  for (const [, name, kind] of text.matchAll(/\b([A-H])\b[\s:=]*(?:is\s+)?(?:a\s+)?(knight|knave)\b/gi)) {
    const person = "ABCDEFGH".indexOf(name.toUpperCase());
    const knight = kind.toLowerCase() === "knight";
    if (person >= numPeople || (named.has(person) && named.get(person) !== knight)) return null;
    named.set(person, knight);
  }
  return named.size === numPeople
    ? [...named].reduce((sum, [person, knight]) => sum + (Number(knight) << person), 0)
    : null;
}

/**
 * Puzzles in the manner of Smullyan; the gold answer has one digit per person, 1 for a knight. @throws ConfigError on
 * bad options
 */
export function createKnightsAndKnavesTask(input: KnightsAndKnavesOptions = {}): Task<KnightsAndKnavesProblem> {
  const options = parseOptions(knightsAndKnavesSchema, input, "task knights-and-knaves");
  for (const key of Object.keys(options.people)) {
    if (!/^[2-8]$/.test(key))
      throw new ConfigError(`task knights-and-knaves: option "people": keys must be 2 … 8, got "${key}"`);
  }
  const people = weightedIntegerDraw(options.people);
  const draw = (random: Random, split: Split): KnightsAndKnavesProblem | null => {
    const numPeople = people.draw(random);
    const statements = Array.from({ length: numPeople }, (_, speaker) => drawStatement(speaker, numPeople, random));
    const assignments = consistentAssignments(statements);
    if (assignments.length !== 1) return null;
    const answer = statements.map((_, person) => (assignments[0] >> person) & 1).join("");
    return { id: compactPuzzle(statements), split, fields: { statements }, answer, difficulty: numPeople, meta: {} };
  };
  const task: Task<KnightsAndKnavesProblem> = {
    name: "knights-and-knaves",
    generate: (seed, index, split) =>
      drawInSplit("knights-and-knaves", { seed, index, split, heldOutFraction: options.heldOutFraction }, (random) =>
        draw(random, split),
      ),
    verify: ({ fields: { statements } }, answerText) => {
      const assignment = readAssignment(answerText, statements.length);
      return assignment !== null && consistentAssignments(statements)[0] === assignment ? 1 : 0;
    },
    sameAnswer: ({ fields: { statements } }, a, b) => {
      const [first, second] = [a, b].map((text) => readAssignment(text, statements.length));
      return first !== null && first === second;
    },
    renderPrompt: ({ fields }, template) => renderWording(puzzleWording(fields.statements), template),
    validate: () => validateTask(task),
  };
  return task;
}

const compactPuzzle = (statements: readonly Statement[]): string =>
  statements.map((statement, person) => `${nameOf(person)}:${terse(statement)}`).join(";");

function puzzleWording(statements: readonly Statement[]) {
  const names = statements.map((_, person) => nameOf(person)).join(", ");
  const said = statements.map((statement, person) => `${nameOf(person)} says: "${spoken(statement)}."`).join(" ");
  return {
    compact: compactPuzzle(statements),
    question:
      "On an island everyone is either a knight, who always tells the truth, or a knave, who always lies. " +
      `You meet ${names}. ${said} Who is what?`,
    answerForm: "everyone's kind, in the form A=knight, B=knave",
  };
}
