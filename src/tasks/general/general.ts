// General instructions as a task: prompts for training and evaluation. Only the held-out rules can judge an answer, so
// rewards for accuracy do not apply to it.
import { z } from "zod";
import { ConfigError } from "../../errors.js";
import type { Random } from "../../random.js";
import { heldOutFractionSchema, parseOptions, weightsSchema } from "../options.js";
import { drawInSplit, type Problem, type Task } from "../task.js";
import { renderWording } from "../templates.js";
import { validateTask } from "../validate-task.js";
import { weightedDraw } from "../weighted-draw.js";
import { contentKey, type Exchange, type ExchangeDraw, MATERIAL_KINDS, type MaterialKind } from "./exchange.js";
import { judgedScore } from "./judge.js";
import { drawKnowledge, drawUnits } from "./knowledge.js";
import { drawList, drawSort } from "./lists.js";
import { drawRecord } from "./records.js";
import { drawRewrite } from "./rewrite.js";
import { drawSafety } from "./safety.js";
import { drawSmallTalk } from "./small-talk.js";

const DRAWS: Readonly<Record<MaterialKind, ExchangeDraw>> = {
  rewrite: drawRewrite,
  list: drawList,
  sort: drawSort,
  record: drawRecord,
  knowledge: drawKnowledge,
  units: drawUnits,
  "small-talk": drawSmallTalk,
  safety: drawSafety,
};

/** The options, as zod checks them. */
export const generalSchema = z.strictObject({
  /**
   * Weights of the kinds of instructions: rewrite, list, sort, record, knowledge, units, small-talk, safety. Kinds that
   * are left out do not occur.
   */
  kinds: weightsSchema.default({ ...Object.fromEntries(MATERIAL_KINDS.map((kind) => [kind, 1])), safety: 2 }),
  /** Fraction of all distinct instructions that is held out for evaluation. */
  heldOutFraction: heldOutFractionSchema.default(0.1),
});

/** Knobs of the task; every one has a default. */
export type GeneralOptions = z.input<typeof generalSchema>;
/** One instruction. */
export type GeneralProblem = Problem<Exchange>;

/**
 * The general instructions. `verify` is 1 where the answer keeps all held-out rules, so it is for evaluation; in
 * training it has no verifier. @throws ConfigError on bad options
 */
export function createGeneralTask(input: GeneralOptions = {}): Task<GeneralProblem> {
  const options = parseOptions(generalSchema, input, "task general");
  const unknown = Object.keys(options.kinds).find((kind) => !(MATERIAL_KINDS as readonly string[]).includes(kind));
  if (unknown !== undefined)
    throw new ConfigError(`task general: option "kinds": keys must be ${MATERIAL_KINDS.join(", ")}, got "${unknown}"`);
  const kinds = weightedDraw(Object.entries(options.kinds) as [MaterialKind, number][]);
  const draw = (random: Random) => {
    const exchange = DRAWS[kinds.draw(random)](random);
    return { id: contentKey(exchange), exchange };
  };
  const task: Task<GeneralProblem> = {
    name: "general",
    generate(seed, index, split) {
      const place = { seed, index, split, heldOutFraction: options.heldOutFraction };
      const { id, exchange } = drawInSplit("general", place, draw);
      return { id, split, fields: exchange, answer: exchange.answer, difficulty: 1, meta: {} };
    },
    hasVerifier: () => false,
    verify: ({ fields }, answerText) => (judgedScore(fields, answerText) === 1 ? 1 : 0),
    renderPrompt: ({ fields: { prompt } }, template) =>
      renderWording({ compact: prompt, question: prompt, answerForm: "only your reply" }, template),
    validate: () => validateTask(task),
  };
  return task;
}
