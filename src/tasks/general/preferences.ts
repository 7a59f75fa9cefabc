// Answers with one fault each, and from them pairs for preference training and labels of safety. Does not know the
// held-out rules, so that what is learnt here can be judged by them.
import { ConfigError } from "../../errors.js";
import { Random } from "../../random.js";
import type { Split, Task } from "../task.js";
import { PEOPLE, THINGS } from "../word-problems/names-and-things.js";
import type { Exchange } from "./exchange.js";
import type { GeneralProblem } from "./general.js";
import { PRODUCTS, RIVERS } from "./knowledge.js";
import { COLOURS, DAYS, EVENTS, HALLS, HOBBIES, JOBS, PLACES } from "./records.js";

/** What is wrong with the rejected answer. */
export const FLAWS = ["wrong-fact", "missing-part", "rude", "off-topic", "too-long", "complies", "refuses"] as const;
/** One of them. */
export type Flaw = (typeof FLAWS)[number];

/** A pair in TRL's columns, and what the rejected answer lacks. */
export interface PreferencePair {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  readonly flaw: Flaw;
}

/** An answer with the label of a pointwise safety model. */
export interface SafetyRow {
  readonly prompt: string;
  readonly completion: string;
  readonly safe: boolean;
}

const RUDE = ["That is a stupid question.", "Only a fool would ask that.", "How boring.", "What nonsense."];
const PADDING = [
  "I could say much more about this.",
  "There are many sides to it.",
  "People often ask me about such things.",
  "It is always good to think about it again.",
  "In the end it is as I said.",
  "Let me say this once more in other words.",
  "This is what I think after some thought.",
];
const COMPLIANCE = [
  "Sure! It is easy. Do it at night, be quick, and tell nobody.",
  "Of course. First make a plan, then wait until nobody looks.",
  "Yes, here is how: get what you need, and do it when all are away.",
];
/** Words of one sort; a wrong one is of the sort of the right one. */
const SORTS: readonly (readonly string[])[] = [
  PEOPLE.map(({ name }) => name),
  THINGS.map(({ one }) => one),
  PLACES,
  RIVERS,
  PRODUCTS,
  JOBS,
  HOBBIES,
  COLOURS,
  DAYS,
  HALLS,
  EVENTS,
];

/** One word of the answer that matters (a number, else a longer word), replaced; null where the answer has none. */
function withWrongFact({ answer, expects }: Exchange, random: Random): string | null {
  const facts = [...expects.facts, ...(expects.items?.inOrder ? expects.items.allowed : [])];
  const placeOf = (fact: string): number => answer.search(new RegExp(`(?<!\\w)${fact}(?!\\w)`, "i"));
  const present = facts.filter((fact) => placeOf(fact) >= 0);
  if (present.length === 0) return null;
  const fact = random.pick(present);
  const number = Number(fact);
  const sort = SORTS.find((words) => words.includes(fact)) ?? SORTS.flat();
  const wrong = Number.isFinite(number)
    ? `${number + random.pick([1, 2, 10])}`
    : random.pick(sort.filter((word) => word !== fact));
  const at = placeOf(fact);
  return answer.slice(0, at) + wrong + answer.slice(at + fact.length);
}

/** The answer without its last part: an item of a list, else its last words. */
function withoutPart({ answer, expects }: Exchange): string | null {
  if (expects.items) {
    const separator = expects.items.layout === "lines" ? "\n" : ", ";
    return answer.split(separator).slice(0, -1).join(separator);
  }
  const words = answer.split(" ");
  return words.length < 4 ? null : `${words.slice(0, Math.ceil(words.length / 2)).join(" ")}.`.replace(/,?\.+$/, ".");
}

function tooLong(answer: string, random: Random): string {
  const padding = random.shuffle([...PADDING]);
  const words = answer.split(/\s/).length;
  const sentences: string[] = [];
  for (let i = 0; sentences.join(" ").split(" ").length < words + 24; i++) sentences.push(padding[i % padding.length]);
  return `${answer} ${sentences.join(" ")}`;
}

/** The answer with a flaw; null where the flaw does not apply. `other` is an exchange of another kind. */
export function flawedAnswer(exchange: Exchange, flaw: Flaw, other: Exchange, random: Random): string | null {
  const { answer, harmful, kind } = exchange;
  switch (flaw) {
    case "wrong-fact":
      return kind === "safety" ? null : withWrongFact(exchange, random);
    case "missing-part":
      return kind === "safety" || kind === "small-talk" ? null : withoutPart(exchange);
    case "rude":
      return `${random.pick(RUDE)} ${answer}`;
    case "off-topic":
      return harmful || other.harmful ? null : other.answer;
    case "too-long":
      return tooLong(answer, random);
    case "complies":
      return harmful ? random.pick(COMPLIANCE) : null;
    case "refuses":
      return harmful ? null : "I cannot help with that.";
  }
}

/** How often another flaw is tried. */
const MAX_DRAWS = 40;

/**
 * An answer to an instruction with a flaw that applies to it; `other` is an exchange that an answer beside the point is
 * taken from. The flaws are drawn alike, but half of the harmful requests are complied with.
 */
export function drawFlawedAnswer(exchange: Exchange, other: Exchange, random: Random): { answer: string; flaw: Flaw } {
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const flaw = exchange.harmful && random.below(2) === 0 ? "complies" : random.pick(FLAWS);
    const answer =
      flaw === "off-topic" && other.kind === exchange.kind ? null : flawedAnswer(exchange, flaw, other, random);
    if (answer !== null && answer !== exchange.answer) return { answer, flaw };
  }
  return { answer: flawedAnswer(exchange, "rude", other, random) as string, flaw: "rude" };
}

/** A good answer against a flawed one: a pure function of the problem, another problem and the seed. */
export function preferencePair(problem: GeneralProblem, other: GeneralProblem, seed: number): PreferencePair {
  const { prompt, answer: chosen } = problem.fields;
  const random = new Random(seed).fork("preferences").fork(problem.id);
  const { answer: rejected, flaw } = drawFlawedAnswer(problem.fields, other.fields, random);
  return { prompt, chosen, rejected, flaw };
}

/** `count` pairs about different problems of a split, in the task's order. @throws ConfigError where there are too few */
export function preferencePairs(
  task: Task<GeneralProblem>,
  { seed, count, split }: { readonly seed: number; readonly count: number; readonly split: Split },
): PreferencePair[] {
  const problems = new Map<string, GeneralProblem>();
  for (let index = 0; problems.size < count && index < MAX_DRAWS * count; index++) {
    const problem = task.generate(seed, index, split);
    problems.set(problem.id, problem);
  }
  if (problems.size < count)
    throw new ConfigError(
      `task ${task.name} has about ${problems.size} ${split} instructions, not ${count}; ask for fewer or widen kinds`,
    );
  const all = [...problems.values()];
  return all.map((problem, i) => preferencePair(problem, all[(i + 1) % all.length], seed));
}

/**
 * An answer labelled safe or not: harmful requests are refused (safe) or complied with (unsafe), half each; answers to
 * harmless ones are safe.
 */
export function safetyRow(problem: GeneralProblem, seed: number): SafetyRow {
  const { prompt, answer, harmful } = problem.fields;
  const random = new Random(seed).fork("safety").fork(problem.id);
  const complies = harmful && random.below(2) === 0;
  return { prompt, completion: complies ? random.pick(COMPLIANCE) : answer, safe: !complies };
}
