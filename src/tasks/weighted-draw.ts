// Draws one of several named values with given weights. Does not know what the values stand for.
import type { Random } from "../random.js";

/** A distribution over `values`, prepared once, drawn often. */
export interface WeightedDraw<T> {
  readonly values: readonly T[];
  draw(random: Random): T;
}

/**
 * Builds a draw from (value, weight) entries; entries of weight 0 are dropped. The order of entries matters to the
 * streams.
 */
export function weightedDraw<T>(entries: readonly (readonly [T, number])[]): WeightedDraw<T> {
  const kept = entries.filter(([, weight]) => weight > 0);
  const values = kept.map(([value]) => value);
  const total = kept.reduce((sum, [, weight]) => sum + weight, 0);
  let running = 0;
  const upTo = kept.map(([, weight]) => (running += weight / total));
  return {
    values,
    draw(random) {
      const u = random.float();
      for (let i = 0; i < values.length - 1; i++) if (u < upTo[i]) return values[i];
      return values[values.length - 1];
    },
  };
}

/** The same from an object whose keys are integers, such as `{3: 0.7, 4: 0.3}`. */
export function weightedIntegerDraw(weights: Readonly<Record<string, number>>): WeightedDraw<number> {
  return weightedDraw(Object.entries(weights).map(([key, weight]) => [Number(key), weight] as const));
}
