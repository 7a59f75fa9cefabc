// Word problems of several kinds, in one to four steps of arithmetic. Generator and verifier; knows no model.
import { z } from "zod";
import { ConfigError } from "../../errors.js";
import type { Random } from "../../random.js";
import { readNumber, sameNumber, type WrittenNumber } from "../grading/written-number.js";
import { heldOutFractionSchema, parseOptions, weightsSchema } from "../options.js";
import { formatRational } from "../rational.js";
import { drawInSplit, type Problem, type Split, type Task } from "../task.js";
import { renderWording } from "../templates.js";
import { type DerivationStep, derivedValue, type Operand } from "../thoughts/derivation.js";
import { validateTask } from "../validate-task.js";
import { weightedDraw, weightedIntegerDraw } from "../weighted-draw.js";
import { tellAges } from "./ages.js";
import { tellCollecting } from "./collecting.js";
import { tellHarvest } from "./harvest.js";
import { tellMixtures } from "./mixtures.js";
import { tellSharing } from "./sharing.js";
import { tellShopping } from "./shopping.js";
import {
  STORY_KINDS,
  type Story,
  StoryDraw,
  type StoryKind,
  type StoryTeller,
  type WordProblemFields,
} from "./story.js";
import { tellTravel } from "./travel.js";
import { tellWork } from "./work.js";

const TELLERS: Readonly<Record<StoryKind, StoryTeller>> = {
  shopping: tellShopping,
  ages: tellAges,
  travel: tellTravel,
  sharing: tellSharing,
  work: tellWork,
  mixtures: tellMixtures,
  collecting: tellCollecting,
  harvest: tellHarvest,
};

/** The options, as zod checks them. */
export const wordProblemsSchema = z.strictObject({
  /** Weights of the number of steps that a problem takes, 1 to 4. */
  steps: weightsSchema.default({ 1: 1, 2: 1, 3: 1, 4: 1 }),
  /**
   * Weights of the kinds of stories: shopping, ages, travel, sharing, work, mixtures, collecting, harvest. Kinds that
   * are left out are not told.
   */
  stories: weightsSchema.default(Object.fromEntries(STORY_KINDS.map((kind) => [kind, 1]))),
  /** Numbers in the stories are at most this, except those that follow from others. */
  maxNumber: z.number().int().min(10).max(1000).default(20),
  /** Fraction of all distinct problems that is held out for evaluation. */
  heldOutFraction: heldOutFractionSchema.default(0.1),
});

/** Knobs of the task; every one has a default. */
export type WordProblemsOptions = z.input<typeof wordProblemsSchema>;
/** One problem of the task. */
export type WordProblem = Problem<WordProblemFields>;

function checkKeys(option: string, weights: Readonly<Record<string, number>>, known: readonly string[]): void {
  const unknown = Object.keys(weights).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new ConfigError(`task word-problems: option "${option}": keys must be ${known.join(", ")}, got "${unknown}"`);
}

const operandKey = (operand: Operand): string => (typeof operand === "number" ? `${operand}` : `#${operand.step}`);
/** The calculation alone: a problem told of other people and things is the same problem. */
const contentKey = (kind: StoryKind, steps: readonly DerivationStep[]): string =>
  `${kind}:${steps.map(({ left, operator, right }) => operandKey(left) + operator + operandKey(right)).join(";")}`;

const MAX_TELLINGS = 200;

/** Tells until the numbers suit the story, so that kinds with many conditions are as frequent as asked. */
function tell(teller: StoryTeller, numSteps: number, random: Random, maxNumber: number): Story | null {
  for (let i = 0; i < MAX_TELLINGS; i++) {
    const told = teller(numSteps, new StoryDraw(random, maxNumber));
    if (told !== null) return told;
  }
  return null;
}

/**
 * Reads an answer as a number of what was asked for: `12`, `12 pens`, `$12` for dollars; null for anything else, other
 * units included.
 */
function readAmount(text: string, unit: string): WrittenNumber | null {
  const expected = readNumber(`1 ${unit}`)?.unit ?? "";
  const bare = text.trim().replace(/\.$/, "");
  const own = bare.toLowerCase().endsWith(` ${unit}`) ? bare.slice(0, -unit.length - 1) : bare;
  const amount = readNumber(own) ?? readNumber(text);
  return amount && amount.name === "" && (amount.unit === "" || amount.unit === expected) ? amount : null;
}

/**
 * The canonical key is the kind of story and its calculation, without names and things, so that no problem is held out
 * of which training has told a twin. @throws ConfigError on bad options
 */
export function createWordProblemsTask(input: WordProblemsOptions = {}): Task<WordProblem> {
  const options = parseOptions(wordProblemsSchema, input, "task word-problems");
  checkKeys("steps", options.steps, ["1", "2", "3", "4"]);
  checkKeys("stories", options.stories, STORY_KINDS);
  const numSteps = weightedIntegerDraw(options.steps);
  const kinds = weightedDraw(Object.entries(options.stories) as [StoryKind, number][]);
  const draw = (random: Random, split: Split): WordProblem | null => {
    const [story, count] = [kinds.draw(random), numSteps.draw(random)];
    const told = tell(TELLERS[story], count, random, options.maxNumber);
    if (told === null) return null;
    return {
      id: contentKey(story, told.steps),
      split,
      fields: { story, ...told },
      answer: formatRational(derivedValue(told.steps)),
      difficulty: count,
      meta: {},
    };
  };
  const task: Task<WordProblem> = {
    name: "word-problems",
    generate: (seed, index, split) =>
      drawInSplit("word-problems", { seed, index, split, heldOutFraction: options.heldOutFraction }, (random) =>
        draw(random, split),
      ),
    verify: ({ fields: { unit }, answer }, answerText) => {
      const [expected, given] = [readNumber(answer), readAmount(answerText, unit)];
      return expected && given && sameNumber(expected, given) ? 1 : 0;
    },
    sameAnswer: ({ fields: { unit } }, a, b) => {
      const [first, second] = [readAmount(a, unit), readAmount(b, unit)];
      return first !== null && second !== null && sameNumber(first, second);
    },
    renderPrompt: ({ fields: { text } }, template) =>
      renderWording({ compact: text, question: text, answerForm: "only the number" }, template),
    validate: () => validateTask(task),
  };
  return task;
}
