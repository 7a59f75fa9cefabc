// The world of a run in three cuts: all of it, its reasoning tasks, its general instructions.
import { World } from "../../src/tasks/world.js";
import type { R1Options } from "./options.js";

/** The cuts. */
export interface Worlds {
  readonly whole: World;
  /** Tasks with a verifier. */
  readonly reasoning: World;
  /** Good answers alone; null where the world has no general instructions. */
  readonly general: World | null;
}

/** The cuts of a run's world. */
export function worldsOf({ world }: Pick<R1Options, "world">, seed: number): Worlds {
  const { general = 0, ...reasoning } = world.weights;
  return {
    whole: new World(world, seed),
    reasoning: new World({ ...world, ...optionsOf(world, reasoning) }, seed),
    general: general > 0 ? new World({ ...world, flawedAnswers: 0, ...optionsOf(world, { general }) }, seed) : null,
  };
}

/** The weights, and the options of the tasks that they name. */
function optionsOf({ options }: R1Options["world"], weights: Readonly<Record<string, number>>) {
  return { weights, options: Object.fromEntries(Object.entries(options).filter(([name]) => (weights[name] ?? 0) > 0)) };
}
