// The dialects of a server. A path that belongs to none is answered in OpenAI's.
import { anthropic } from "./anthropic/dialect.js";
import { deepseek } from "./deepseek/dialect.js";
import type { Dialect } from "./dialect.js";
import { ollama } from "./ollama/dialect.js";
import { openai } from "./openai/dialect.js";

/** All dialects. */
export const DIALECTS: readonly Dialect[] = [anthropic, openai, deepseek, ollama];

/** The dialect of a path. */
export const dialectOf = (path: string): Dialect => DIALECTS.find((dialect) => dialect.owns(path)) ?? openai;
