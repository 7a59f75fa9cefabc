// Which weights of a model train: all, none, or those that names choose.
import { ConfigError } from "../errors.js";

/**
 * Weights that train, by their Hugging Face names: all, none, those that match a pattern (`*` stands for any text), or
 * those for which a function is true.
 */
export type Trains = "all" | "none" | readonly string[] | ((name: string) => boolean);

const patternOf = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);

/** Decides for one weight after the other, and then refuses patterns that chose none. */
export class TrainChoice {
  private readonly unused: Set<string>;
  private readonly patterns: readonly (readonly [string, RegExp])[];

  constructor(private readonly trains: Trains) {
    const given = typeof trains === "object" ? trains : [];
    this.patterns = given.map((pattern) => [pattern, patternOf(pattern)]);
    this.unused = new Set(given);
  }

  /**
   * Whether the weight made of these stored tensors trains. Throws ConfigError where that would be true of some of them
   * only.
   */
  of(names: readonly string[]): boolean {
    const chosen = names.filter((name) => this.ofOne(name));
    if (chosen.length === 0 || chosen.length === names.length) return chosen.length > 0;
    const other = names.find((name) => !chosen.includes(name));
    throw new ConfigError(
      `${chosen[0]} trains but ${other} does not: they are one matrix here; choose both or neither`,
    );
  }

  /** Throws ConfigError for a pattern that matched no weight. */
  refuseUnused(): void {
    const [pattern] = this.unused;
    if (pattern !== undefined)
      throw new ConfigError(
        `trains: no weight of the model matches "${pattern}"; expected Hugging Face names such as "*.mlp.*"`,
      );
  }

  private ofOne(name: string): boolean {
    if (typeof this.trains === "string") return this.trains === "all";
    if (typeof this.trains === "function") return this.trains(name);
    const matching = this.patterns.filter(([, pattern]) => pattern.test(name));
    for (const [pattern] of matching) this.unused.delete(pattern);
    return matching.length > 0;
  }
}
