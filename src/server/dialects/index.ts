// The dialects of a server. A path that belongs to none is answered in the first.
import { deepseek } from "./deepseek/dialect.js";
import type { Dialect } from "./dialect.js";
import { openai } from "./openai/dialect.js";

/** All dialects. */
export const DIALECTS: readonly Dialect[] = [openai, deepseek];

/** The dialect of a path. */
export const dialectOf = (path: string): Dialect => DIALECTS.find((dialect) => dialect.owns(path)) ?? DIALECTS[0];
