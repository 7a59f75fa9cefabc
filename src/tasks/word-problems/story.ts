// What a told story is, and what its tellers draw from: names, things, numbers. Knows no particular story.
import type { Random } from "../../random.js";
import type { DerivationStep } from "../thoughts/derivation.js";
import { PEOPLE, type Person, THINGS, type Thing } from "./names-and-things.js";

/** The kinds of stories. */
export const STORY_KINDS = [
  "shopping",
  "ages",
  "travel",
  "sharing",
  "work",
  "mixtures",
  "collecting",
  "harvest",
] as const;
/** One of them. */
export type StoryKind = (typeof STORY_KINDS)[number];

/** A word problem: its text, what the answer counts ("dollars"), and the calculation that solves it. */
export type WordProblemFields = {
  readonly story: StoryKind;
  readonly text: string;
  readonly unit: string;
  readonly steps: readonly DerivationStep[];
};

/** What a teller tells. */
export type Story = Omit<WordProblemFields, "story">;

/** Tells a story that takes so many steps (1 … 4); null where the numbers drawn do not suit it. */
export type StoryTeller = (numSteps: number, draw: StoryDraw) => Story | null;

/** Draws what a story is made of; within one story no person and no thing comes twice. */
export class StoryDraw {
  private readonly people: Person[] = [];
  private readonly things: Thing[] = [];

  constructor(
    private readonly random: Random,
    private readonly maxNumber: number,
  ) {}

  /** A whole number from `min` (default 2) to `max` (default the task's largest number). */
  number(min = 2, max = this.maxNumber): number {
    return max <= min ? min : min + this.random.below(max - min + 1);
  }

  pick<T>(items: readonly T[]): T {
    return this.random.pick(items);
  }

  person(): Person {
    return this.fresh(PEOPLE, this.people);
  }

  thing(): Thing {
    return this.fresh(THINGS, this.things);
  }

  private fresh<T>(all: readonly T[], used: T[]): T {
    let one = this.random.pick(all);
    while (used.includes(one)) one = this.random.pick(all);
    used.push(one);
    return one;
  }
}

/** The result of an earlier step, from 0. */
export const result = (step: number) => ({ step });
