// What pretraining works on: tokenizer, architecture and data, from a text corpus or from a task's written-out
// searches. A pure function of its request, so that a run that goes on finds the same data.
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { JsonObject } from "../checkpoint/index.js";
import { atPlace } from "../data/row.js";
import { ConfigError, DataError, didYouMean } from "../errors.js";
import type { HfConfig } from "../models/hf-config.js";
import { contextOf } from "../models/rope-scaling.js";
import { RESPONSE_TAGS } from "../tasks/response.js";
import { BpeTrainer } from "../tokenizer/bpe-trainer.js";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { createTokenizer } from "../tokenizer/create-tokenizer.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { loadTokenizer, tokenizerFiles } from "../tokenizer/tokenizer-files.js";
import type { TrainSequence } from "./batch.js";
import { freshConfig } from "./fresh-config.js";
import type { TrainingData } from "./loop.js";
import { firstOf } from "./sequence-list.js";
import { ShuffledSequences } from "./shuffled-sequences.js";
import { openTextCorpus, type TextCorpus, windowsOf } from "./text-corpus.js";
import { type AddSequence, splitSequences } from "./token-cache.js";
import { TraceCorpus, traceTokenizer } from "./trace-corpus.js";
import type { PretrainOptions } from "./training-options.js";

/** Where the words come from: one of the two. */
export interface PretrainingSource {
  /** Files with text. */
  readonly corpus?: readonly string[];
  /** Name of a task whose searches are written out. */
  readonly traces?: string;
}

/** What data is asked for, and for which model. */
export interface PretrainingRequest extends PretrainingSource {
  /** A preset's name or the path of a config.json. */
  readonly model: string;
  /** char, byte, bpe, or a directory with tokenizer.json. Traces bring their own. */
  readonly tokenizer: string;
  readonly options: PretrainOptions;
  readonly seed: number;
}

/** How much there is of a corpus. */
export interface CorpusSize {
  readonly sequences: number;
  readonly tokens: number;
}

/** Ready to train on. */
export interface PretrainingData {
  readonly tokenizer: Tokenizer;
  readonly config: HfConfig;
  readonly data: TrainingData;
  readonly validation: readonly TrainSequence[];
  /** What there is to train on before it begins again; undefined for data without end. */
  readonly size?: CorpusSize;
  /** What a checkpoint's generation_config.json says of the prompts. */
  readonly generation: JsonObject;
}

/** Held-out sequences whose loss is taken; more tell no more and cost time. */
const MAX_VALIDATION = 64;
/** Tasks whose searches can be written out. */
const TRACED_TASKS = ["countdown"];

/** Opens or makes the data. Throws ConfigError for options that do not fit, DataError for a corpus that cannot be used. */
export async function pretrainingData(
  request: PretrainingRequest,
  note: (line: string) => void = () => {},
): Promise<PretrainingData> {
  const { corpus, traces } = request;
  if ((corpus === undefined) === (traces === undefined))
    throw new ConfigError("pretrain: expected either --corpus <file> or --traces <task>");
  return corpus === undefined ? traceData(request, traces as string) : corpusData(request, corpus, note);
}

/** The files that the data is made of. */
export function pretrainingFiles({ corpus, model, tokenizer }: PretrainingRequest): string[] {
  const named = [
    ...(corpus ?? []),
    model,
    ...["tokenizer.json", "tokenizer_config.json"].map((name) => join(tokenizer, name)),
  ];
  return named.filter((path) => existsSync(path) && statSync(path).isFile()).map((path) => resolve(path));
}

function traceData(request: PretrainingRequest, name: string): PretrainingData {
  const { options, seed } = request;
  if (!TRACED_TASKS.includes(name))
    throw new ConfigError(`--traces ${name}: only these tasks have search traces: ${TRACED_TASKS.join(", ")}`);
  const tokenizer = traceTokenizer();
  const data = new TraceCorpus(tokenizer, options.task, options.traces, seed);
  const validation = data.sequences(0, MAX_VALIDATION, "heldout");
  return {
    tokenizer,
    config: configOf(request, tokenizer),
    data,
    validation,
    generation: { prompt_template: "compact", task: name, task_options: options.task },
  };
}

async function corpusData(
  request: PretrainingRequest,
  files: readonly string[],
  note: (line: string) => void,
): Promise<PretrainingData> {
  const { options, seed } = request;
  const corpus = await openTextCorpus(files, options);
  const tokenizer = await tokenizerFor(request.tokenizer, corpus, options.vocabSize);
  const config = configOf(request, tokenizer);
  const longest = contextOf(config);
  const context = options.context ?? longest;
  if (context > longest)
    throw new ConfigError(
      `pretrain: context ${context} is longer than the model's ${longest}; lower it or set ` +
        "model.max_position_embeddings",
    );
  const { validationFraction, textColumn } = options;
  const decidedBy = { corpus: { context, validationFraction, textColumn }, tokenizer: tokenizerFiles(tokenizer) };
  const { train, heldout } = await splitSequences({ files, decidedBy, note }, (add) =>
    addWindows(corpus, tokenizer, context, add),
  );
  if (train.length === 0)
    throw new DataError(`corpus ${files[0]} is too short to train on: it needs at least two tokens`);
  const validation = firstOf(heldout, MAX_VALIDATION);
  const size = { sequences: train.length, tokens: train.numTargets };
  return { tokenizer, config, data: new ShuffledSequences(train, seed), validation, size, generation: {} };
}

const configOf = ({ model, options }: PretrainingRequest, tokenizer: Tokenizer): HfConfig =>
  freshConfig(model, options.model, tokenizer, { verb: "pretrain", flag: "--model" });

const SPECIAL_TOKENS = { bos: "<bos>", eos: "<eos>", pad: "<pad>", tags: [...RESPONSE_TAGS] };

/** Of the held-out side no more than its loss is taken of. */
async function addWindows(corpus: TextCorpus, tokenizer: Tokenizer, context: number, add: AddSequence): Promise<void> {
  const windows = (text: string, where: string) => atPlace(where, () => windowsOf(text, tokenizer, context));
  for await (const { text, where } of corpus.documents("train"))
    for (const window of windows(text, where)) add("train", window);
  let numHeldOut = 0;
  for await (const { text, where } of corpus.documents("heldout")) {
    for (const window of windows(text, where)) {
      add("heldout", window);
      numHeldOut++;
    }
    if (numHeldOut >= MAX_VALIDATION) return;
  }
}

async function tokenizerFor(kind: string, corpus: TextCorpus, vocabSize: number): Promise<Tokenizer> {
  if (kind === "byte") return createByteTokenizer(SPECIAL_TOKENS);
  if (kind === "char") return createCharTokenizer(await charactersOf(corpus), SPECIAL_TOKENS);
  if (kind === "bpe") {
    const trainer = new BpeTrainer({ vocabSize, specialTokens: SPECIAL_TOKENS });
    for await (const { text } of corpus.documents("train")) trainer.add(text);
    return createTokenizer(trainer.train(), tokenRoles());
  }
  if (existsSync(kind)) return loadTokenizer(kind);
  const kinds = ["char", "byte", "bpe"];
  throw new ConfigError(
    `--tokenizer ${kind}: expected ${kinds.join(", ")} or a directory with tokenizer.json${didYouMean(kind, kinds)}`,
  );
}

async function charactersOf(corpus: TextCorpus): Promise<string> {
  const characters = new Set<string>();
  for (const side of ["train", "heldout"] as const)
    for await (const { text } of corpus.documents(side)) for (const character of text) characters.add(character);
  return [...characters].sort().join("");
}

const tokenRoles = () => ({
  bos_token: SPECIAL_TOKENS.bos,
  eos_token: SPECIAL_TOKENS.eos,
  pad_token: SPECIAL_TOKENS.pad,
});
