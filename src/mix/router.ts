// The learnt router of a mix: which member a question goes to, by the hidden state of the prompt in one of them. One
// linear layer, trained to tell which members answer right. Knows no task.
import { readFileSync } from "node:fs";
import { z } from "zod";
import { writeFileAtomically } from "../atomic-file.js";
import { exp } from "../elementary.js";
import { ConfigError } from "../errors.js";
import { AdamW } from "../optim/adamw.js";
import { parseOptions } from "../tasks/options.js";
import { type Device, defaultDevice } from "../tensor/device.js";
import { keep, scope, tensor } from "../tensor/engine.js";
import { linear } from "../tensor/ops/linear.js";
import { Parameter } from "../tensor/parameter.js";
import { Tape } from "../tensor/tape.js";
import type { Member } from "./member.js";
import type { Chooser } from "./route.js";

/** A router as its file says it. */
export const routerSchema = z.strictObject({
  /** Members in the order of the scores. */
  members: z.array(z.string()).min(1),
  /** The member whose states it reads. */
  encoder: z.string(),
  /** Of each number of the state: mean over the prompts of the fit. */
  mean: z.array(z.number()),
  /** Of each number of the state: one over its standard deviation. */
  scale: z.array(z.number()),
  /** Of each member: a weight of each number, and the bias. */
  weights: z.array(z.array(z.number())),
  /** The task whose problems it was fitted on. */
  task: z.string(),
  /** Number of these problems on which the members differed. */
  problems: z.int().min(1),
  /** The share of these on which it chooses a member that is right as often as any. */
  accuracy: z.number(),
});

/** See the file's head. */
export type RouterFile = z.output<typeof routerSchema>;

/** A prompt's state, and how often each member answered it right (0 … 1). */
export interface RouterCase {
  readonly state: Float32Array;
  readonly scores: readonly number[];
}

const STEPS = 200;
const LEARNING_RATE = 0.03;
const WEIGHT_DECAY = 0.1;

/** The scores that a router gives the members. */
export function routerScores(
  { mean, scale, weights }: Pick<RouterFile, "mean" | "scale" | "weights">,
  state: Float32Array,
) {
  return weights.map((row) =>
    row.reduce((sum, w, i) => sum + w * (i < mean.length ? (state[i] - mean[i]) * scale[i] : 1), 0),
  );
}

/** The place of the largest number; of equal ones the first. */
export const largest = (values: readonly number[]): number => values.indexOf(Math.max(...values));

/**
 * Fits a router: cross-entropy against the members that answer a prompt right most often, who share it where they are
 * equal. Prompts that all members answer alike say nothing and are left out. Throws ConfigError where none is left.
 */
export async function trainRouter(
  cases: readonly RouterCase[],
  names: { readonly members: readonly string[]; readonly encoder: string; readonly task: string },
  device: Device = defaultDevice(),
): Promise<RouterFile> {
  const told = cases.filter(({ scores }) => scores.some((score) => score !== scores[0]));
  if (told.length === 0)
    throw new ConfigError(
      "the members answer every problem equally well, so there is nothing for a router to learn; take more problems " +
        "(--problems), more samples (--samples), or a task on which the members differ",
    );
  const { mean, scale } = spread(told.map(({ state }) => state));
  const inputs = told.map(({ state }) => [...mean.map((m, i) => (state[i] - m) * scale[i]), 1]);
  const targets = told.map(({ scores }) => shares(scores));
  const weights = await descend(inputs, targets, device);
  const router = { members: [...names.members], encoder: names.encoder, mean, scale, weights, task: names.task };
  const right = told.filter(
    ({ state, scores }) => scores[largest(routerScores(router, state))] === Math.max(...scores),
  );
  return { ...router, problems: told.length, accuracy: right.length / told.length };
}

/** Gradient descent of the softmax regression from zero, over all cases at once. */
async function descend(
  inputs: readonly (readonly number[])[],
  targets: readonly (readonly number[])[],
  device: Device,
): Promise<number[][]> {
  const [numInputs, numMembers] = [inputs[0].length, targets[0].length];
  const x = keep(scope(() => tensor(Float32Array.from(inputs.flat()), [inputs.length, numInputs], "f32", device)));
  const w = new Parameter(
    keep(scope(() => tensor(new Float32Array(numMembers * numInputs), [numMembers, numInputs], "f32", device))),
    "router",
  );
  const optimizer = new AdamW([w], { weightDecay: WEIGHT_DECAY });
  try {
    for (let step = 0; step < STEPS; step++) {
      const tape = new Tape();
      const logits = keep(scope(() => tape.record(() => linear(x, w))));
      const slopes = crossEntropySlopes((await logits.data()) as Float32Array, targets);
      scope(() => tape.backward([{ value: logits, grad: tensor(slopes, logits.shape, "f32", device) }]));
      tape.dispose();
      logits.dispose();
      await optimizer.step(LEARNING_RATE * (1 - step / STEPS));
      w.clearGrad();
    }
    const learnt = Array.from((await w.data()) as Float32Array);
    return targets[0].map((_, m) => learnt.slice(m * numInputs, (m + 1) * numInputs));
  } finally {
    optimizer.dispose();
    w.dispose();
    x.dispose();
  }
}

/** Slopes of the mean cross-entropy for the logits: softmax less target. */
function crossEntropySlopes(logits: Float32Array, targets: readonly (readonly number[])[]): Float32Array {
  const slopes = new Float32Array(logits.length);
  targets.forEach((target, row) => {
    const own = logits.subarray(row * target.length, (row + 1) * target.length);
    const most = Math.max(...own);
    const powers = Array.from(own, (z) => exp(z - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    powers.forEach((power, m) => {
      slopes[row * target.length + m] = (power / sum - target[m]) / targets.length;
    });
  });
  return slopes;
}

/** The best share 1 among them. */
function shares(scores: readonly number[]): number[] {
  const best = Math.max(...scores);
  const numBest = scores.filter((score) => score === best).length;
  return scores.map((score) => (score === best ? 1 / numBest : 0));
}

function spread(states: readonly Float32Array[]): { mean: number[]; scale: number[] } {
  const mean = Array.from(states[0], (_, i) => states.reduce((sum, state) => sum + state[i], 0) / states.length);
  const scale = mean.map((m, i) => {
    const variance = states.reduce((sum, state) => sum + (state[i] - m) ** 2, 0) / states.length;
    return variance > 0 ? 1 / Math.sqrt(variance) : 0;
  });
  return { mean, scale };
}

/** Writes a router's file. */
export const writeRouter = (path: string, router: RouterFile): void =>
  writeFileAtomically(path, `${JSON.stringify(router)}\n`);

/** Reads a router's file. Throws ConfigError where it is none. */
export function readRouter(path: string): RouterFile {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new ConfigError(
      `${path}: expected a router, as luciole mix fit writes it, got: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  return parseOptions(routerSchema, given, path);
}

/**
 * Routes by a router's file. Throws ConfigError where it was fitted for other members, or reads the states of another
 * than `reader`.
 */
export function routerChooser(path: string, members: readonly Member[], reader?: Member): Chooser {
  const router = readRouter(path);
  const names = members.map(({ name }) => name);
  const mend = "fit it again: luciole mix fit";
  if (router.members.join("\n") !== names.join("\n"))
    throw new ConfigError(
      `${path} was fitted for ${router.members.join(", ")}, the members are ${names.join(", ")}; ${mend}`,
    );
  const encoder = reader ?? members.find(({ name }) => name === router.encoder);
  if (router.encoder !== encoder?.name)
    throw new ConfigError(`${path} reads states of "${router.encoder}", the encoder is "${encoder?.name}"; ${mend}`);
  return async (course) => {
    const { ids } = course.question.prompt(encoder);
    const state = await course.tally.reading(encoder, ids.length, encoder.parts.engine.promptState(ids));
    course.check();
    if (state.length !== router.mean.length)
      throw new ConfigError(
        `${path} reads states of ${router.mean.length} numbers, those of "${encoder.name}" have ${state.length}; ${mend}`,
      );
    return members[largest(routerScores(router, state))];
  };
}
