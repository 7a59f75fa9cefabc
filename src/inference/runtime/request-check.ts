// What makes a request impossible, said before it is queued: values of a wrong kind or outside their range, and names
// that nobody knows. Requests come from programs of others, so nothing is taken for granted of them. Knows no model but
// the limits of its engine.
import { ConfigError, didYouMean } from "../../errors.js";
import type { EngineLimits } from "./engine-handle.js";
import type { GenerationRequest, SamplingOptions, ThinkingOptions } from "./request.js";

/** The most `topLogProbs` tells. */
export const MAX_TOP_LOG_PROBS = 20;
/** The longest cycle a loop detector may look for: each token costs as many comparisons. */
const MAX_PERIOD = 65536;

/** What a value must be, and whether it is. */
type Rule = readonly [expected: string, holds: (value: unknown) => boolean];
type Rules<T> = { readonly [K in keyof T]-?: Rule };

const isNumber = (value: unknown): value is number => typeof value === "number" && !Number.isNaN(value);
/** Numbers go to the device as f32. */
const fitsF32 = (value: unknown): value is number => isNumber(value) && Number.isFinite(Math.fround(value));
const isWhole =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) ||
  (ArrayBuffer.isView(value) && Number.isInteger((value as unknown as ArrayLike<unknown>).length));
const oneOf = (...values: readonly unknown[]): Rule => [
  `one of ${values.map((each) => JSON.stringify(each)).join(", ")}`,
  (value) => values.includes(value),
];
const BOOLEAN: Rule = ["true or false", (value) => typeof value === "boolean"];
const ANYTHING: Rule = ["anything", () => true];
const NON_EMPTY_TEXTS: Rule = [
  "a list of non-empty strings",
  (value) => Array.isArray(value) && value.every((each) => typeof each === "string" && each !== ""),
];

const SAMPLING: Rules<SamplingOptions> = {
  temperature: ["a number of at least 0 that fits into a 32-bit float", (value) => fitsF32(value) && value >= 0],
  topK: ["a whole number of at least 0 (0 keeps all)", isWhole(0)],
  topP: ["a number above 0 and up to 1", (value) => isNumber(value) && value > 0 && value <= 1],
  minP: ["a number from 0 to 1", (value) => isNumber(value) && value >= 0 && value <= 1],
  repetitionPenalty: [
    "a number above 0 that fits into a 32-bit float (1 changes nothing)",
    (value) => fitsF32(value) && Math.fround(value) > 0,
  ],
  presencePenalty: ["a number that fits into a 32-bit float", fitsF32],
  frequencyPenalty: ["a number that fits into a 32-bit float", fitsF32],
  logitBias: ["a Map of token ids to numbers", (value) => value instanceof Map],
  seed: ["a safe integer", Number.isSafeInteger],
  topLogProbs: [`a whole number from 0 to ${MAX_TOP_LOG_PROBS}`, isWhole(0, MAX_TOP_LOG_PROBS)],
};
const THINKING: Rules<ThinkingOptions> = {
  startsInside: BOOLEAN,
  budget: ["a number of at least 0", (value) => isNumber(value) && value >= 0],
  unclosed: oneOf("end", "close"),
};
const LOOP: Rules<Exclude<NonNullable<GenerationRequest["loop"]>, false>> = {
  maxPeriod: [`a whole number from 1 to ${MAX_PERIOD}`, isWhole(1, MAX_PERIOD)],
  minRepeats: ["a whole number of at least 2", isWhole(2)],
  minTokens: ["a whole number of at least 1", isWhole(1)],
};
const REQUEST: Rules<GenerationRequest> = {
  prompt: ["a list of token ids", isList],
  maxNewTokens: ["a whole number of at least 1", isWhole(1)],
  sampling: ["an object", isRecord],
  stopIds: ["a list of token ids", isList],
  stop: NON_EMPTY_TEXTS,
  turnEnds: NON_EMPTY_TEXTS,
  form: oneOf("chat", "unmarked", "tagged"),
  thinking: ["an object", isRecord],
  loop: ["an object, or false", (value) => value === false || isRecord(value)],
  adapter: [
    "the name of an adapter, or null",
    (value) => value === null || (typeof value === "string" && value !== ""),
  ],
  schema: ["a JSON schema", (value) => typeof value === "boolean" || isRecord(value)],
  speculate: BOOLEAN,
  signal: ["an AbortSignal", (value) => value instanceof AbortSignal],
  events: ANYTHING,
};

/**
 * Checks a request and returns the most new tokens it may have. Throws ConfigError naming the first value that cannot
 * be, what was expected and what came.
 */
export function checkRequest(request: GenerationRequest, limits: EngineLimits): number {
  const { vocabSize, maxContext, readsText, followsSchemas, adapters } = limits;
  checkValues(request, vocabSize);
  const { prompt, maxNewTokens, stop, turnEnds, thinking, schema, adapter } = request;
  const numNew = maxNewTokens ?? maxContext - prompt.length;
  if (prompt.length >= maxContext || prompt.length + numNew > maxContext)
    throw new ConfigError(tooLong(prompt.length, maxNewTokens, maxContext));
  if (!readsText && (stop?.length || turnEnds?.length || thinking || schema !== undefined))
    throw new ConfigError("request: stop texts, thinking and schemas need an engine with a tokenizer");
  if (schema !== undefined && !followsSchemas)
    throw new ConfigError("request: this engine follows no schema: create it with followSchemas: answerGrammars");
  if (adapter && !adapters.includes(adapter)) throw new ConfigError(unknownAdapter(adapter, adapters));
  return numNew;
}

/** Index of the adapter that a request is computed with; −1: the base. */
export const adapterOf = ({ adapter }: GenerationRequest, { adapters }: EngineLimits): number =>
  adapter === undefined ? Math.min(0, adapters.length - 1) : adapters.indexOf(adapter ?? "");

function unknownAdapter(name: string, known: readonly string[]): string {
  const those = known.length === 0 ? "this engine has none" : `expected ${known.join(", ")}, or null for the base`;
  return `request: unknown adapter "${name}"${didYouMean(name, [...known])}; ${those}`;
}

function checkValues(request: GenerationRequest, vocabSize: number): void {
  if (!isRecord(request)) throw new ConfigError(`request: expected an object, got ${shown(request)}`);
  if (request.prompt === undefined) throw new ConfigError("request: prompt must be a list of token ids, got nothing");
  check(request, REQUEST, "request");
  const { prompt, sampling = {}, stopIds = [], thinking = {}, loop } = request;
  if (prompt.length === 0) throw new ConfigError("request: a prompt needs at least one token");
  for (let i = 0; i < prompt.length; i++) checkId(prompt[i], vocabSize, "prompt");
  for (let i = 0; i < stopIds.length; i++) checkId(stopIds[i], vocabSize, "stopIds");
  check(sampling, SAMPLING, "sampling");
  check(thinking, THINKING, "thinking");
  if (loop) checkWhole(loop, LOOP, "loop");
  for (const [id, bias] of sampling.logitBias ?? []) {
    checkId(id, vocabSize, "logitBias");
    if (!fitsF32(bias) && bias !== Number.NEGATIVE_INFINITY)
      throw new ConfigError(
        `sampling: the bias of token ${id} must be a finite number or -Infinity, got ${shown(bias)}`,
      );
  }
}

function tooLong(numPrompt: number, maxNewTokens: number | undefined, limit: number): string {
  const asked =
    maxNewTokens === undefined
      ? `the prompt has ${numPrompt} tokens`
      : `prompt and new tokens need ${numPrompt} + ${maxNewTokens} = ${numPrompt + maxNewTokens} positions`;
  return (
    `request: ${asked}, but the context is ${limit}; shorten the ` +
    `prompt${maxNewTokens === undefined ? "" : ", ask for fewer tokens"} or open the model with a longer ` +
    "context"
  );
}

function check<T extends object>(values: T, rules: Rules<T>, where: string): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const rule = Object.hasOwn(rules, name) ? (rules as Readonly<Record<string, Rule>>)[name] : undefined;
    if (!rule) throw new ConfigError(`${where}: unknown option ${name}${didYouMean(name, Object.keys(rules))}`);
    if (!rule[1](value)) throw new ConfigError(`${where}: ${name} must be ${rule[0]}, got ${shown(value)}`);
  }
}

/** As `check`, where nothing may be left out. */
function checkWhole<T extends object>(values: T, rules: Rules<T>, where: string): void {
  check(values, rules, where);
  const missing = Object.entries<Rule>(rules).find(
    ([name]) => (values as Readonly<Record<string, unknown>>)[name] === undefined,
  );
  if (missing) throw new ConfigError(`${where}: ${missing[0]} must be ${missing[1][0]}, got nothing`);
}

function checkId(id: unknown, vocabSize: number, where: string): void {
  if (!(Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabSize))
    throw new ConfigError(`${where}: token ids range from 0 to ${vocabSize - 1}, got ${shown(id)}`);
}

/** A value in a message, short. */
function shown(value: unknown): string {
  if (typeof value !== "string" && (typeof value !== "object" || value === null)) return String(value);
  if (typeof value === "object" && !Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype)
    return value.constructor?.name ?? "an object";
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // Cycles and the like: its kind says enough.
  }
  return text === undefined ? "an object" : text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
