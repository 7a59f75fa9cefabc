// What pretraining works on: tokenizer, architecture and data, from a text corpus or from a task's written-out
// searches. A pure function of its request, so that a run that goes on finds the same data.
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { JsonObject } from "../checkpoint/index.js";
import { ConfigError, DataError, didYouMean } from "../errors.js";
import { parseForeignJson, readForeignText } from "../foreign-file.js";
import { type HfConfig, hfConfigKeys, parseHfConfig, SUPPORTED_MODEL_TYPES } from "../models/hf-config.js";
import { MODEL_PRESETS } from "../models/presets.js";
import { contextOf } from "../models/rope-scaling.js";
import { atPlace } from "../tasks/jsonl.js";
import { RESPONSE_TAGS } from "../tasks/response.js";
import { trainBpe } from "../tokenizer/bpe-trainer.js";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { createTokenizer } from "../tokenizer/create-tokenizer.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { loadTokenizer } from "../tokenizer/tokenizer-files.js";
import { countTargets, type TrainSequence } from "./batch.js";
import type { TrainingData } from "./loop.js";
import { ShuffledSequences } from "./shuffled-sequences.js";
import { readTextCorpus, windowsOf } from "./text-corpus.js";
import { TraceCorpus, traceTokenizer } from "./trace-corpus.js";
import type { PretrainOptions } from "./training-options.js";

/** Where the words come from: one of the two. */
export interface PretrainingSource {
  readonly corpus?: string;
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
export function pretrainingData(request: PretrainingRequest): PretrainingData {
  const { corpus, traces } = request;
  if ((corpus === undefined) === (traces === undefined))
    throw new ConfigError("pretrain: expected either --corpus <file> or --traces <task>");
  return corpus === undefined ? traceData(request, traces as string) : corpusData(request, corpus);
}

/** The files that the data is made of. */
export function pretrainingFiles({ corpus, model, tokenizer }: PretrainingRequest): string[] {
  const named = [
    corpus ?? "",
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
    config: configFor(request, tokenizer),
    data,
    validation,
    generation: { prompt_template: "compact", task: name, task_options: options.task },
  };
}

function corpusData(request: PretrainingRequest, path: string): PretrainingData {
  const { options, seed } = request;
  const corpus = readTextCorpus(path, options.validationFraction);
  const tokenizer = tokenizerFor(request.tokenizer, corpus, options.vocabSize);
  const config = configFor(request, tokenizer);
  const longest = contextOf(config);
  const context = options.context ?? longest;
  if (context > longest)
    throw new ConfigError(
      `pretrain: context ${context} is longer than the model's ${longest}; lower it or set ` +
        "model.max_position_embeddings",
    );
  const train = atPlace(path, () => windowsOf(corpus.train, tokenizer, context));
  if (train.length === 0) throw new DataError(`corpus ${path} is too short to train on: it needs at least two tokens`);
  const validation = atPlace(path, () => windowsOf(corpus.heldOut, tokenizer, context)).slice(0, MAX_VALIDATION);
  const size = { sequences: train.length, tokens: countTargets(train) };
  return { tokenizer, config, data: new ShuffledSequences(train, seed), validation, size, generation: {} };
}

const SPECIAL_TOKENS = { bos: "<bos>", eos: "<eos>", pad: "<pad>", tags: [...RESPONSE_TAGS] };

function tokenizerFor(
  kind: string,
  { train, heldOut }: { train: readonly string[]; heldOut: readonly string[] },
  vocabSize: number,
): Tokenizer {
  if (kind === "byte") return createByteTokenizer(SPECIAL_TOKENS);
  if (kind === "char")
    return createCharTokenizer(
      [...new Set([...train, ...heldOut].flatMap((text) => [...new Set(text)]))].sort().join(""),
      SPECIAL_TOKENS,
    );
  if (kind === "bpe")
    return createTokenizer(trainBpe(train, { vocabSize, specialTokens: SPECIAL_TOKENS }), tokenRoles());
  if (existsSync(kind)) return loadTokenizer(kind);
  const kinds = ["char", "byte", "bpe"];
  throw new ConfigError(
    `--tokenizer ${kind}: expected ${kinds.join(", ")} or a directory with tokenizer.json${didYouMean(kind, kinds)}`,
  );
}

const tokenRoles = () => ({
  bos_token: SPECIAL_TOKENS.bos,
  eos_token: SPECIAL_TOKENS.eos,
  pad_token: SPECIAL_TOKENS.pad,
});

/** Fields of config.json that follow from something else, and from what. */
const DERIVED_FIELDS: Readonly<Record<string, string>> = {
  vocab_size: "the tokenizer",
  bos_token_id: "the tokenizer",
  eos_token_id: "the tokenizer",
  pad_token_id: "the tokenizer",
  torch_dtype: "the weights, which are trained in float32; use compute to set the type of matrix products",
  dtype: "the weights, which are trained in float32; use compute to set the type of matrix products",
};

/** Throws ConfigError for a field of `model` that would be set anew whatever it says. */
export function refuseDerivedFields(model: Readonly<Record<string, unknown>>, verb: string): void {
  const field = Object.keys(model).find((key) => Object.hasOwn(DERIVED_FIELDS, key));
  if (field)
    throw new ConfigError(
      `${verb}: model.${field} has no effect: it follows from ${DERIVED_FIELDS[field]}; leave it out`,
    );
}

/** The architecture asked for, with the tokenizer's vocabulary. */
function configFor({ model, options }: PretrainingRequest, { vocabSize, bosId, eosId, padId }: Tokenizer): HfConfig {
  const base = baseConfig(model);
  const known = SUPPORTED_MODEL_TYPES.find((type) => type === base.model_type);
  refuseDerivedFields(options.model, "pretrain");
  const unknown = known && Object.keys(options.model).find((key) => !hfConfigKeys(known).includes(key));
  if (known && unknown)
    throw new ConfigError(`pretrain: unknown option "model.${unknown}"${didYouMean(unknown, hfConfigKeys(known))}`);
  const tokens = {
    vocab_size: vocabSize,
    bos_token_id: bosId ?? null,
    eos_token_id: eosId ?? null,
    pad_token_id: padId ?? null,
  };
  try {
    return parseHfConfig({ ...base, ...options.model, ...tokens, torch_dtype: "float32" }, `--model ${model}`);
  } catch (error) {
    throw new ConfigError((error as Error).message, { cause: error });
  }
}

function baseConfig(model: string): Record<string, unknown> {
  if (Object.hasOwn(MODEL_PRESETS, model)) return { ...MODEL_PRESETS[model as keyof typeof MODEL_PRESETS] };
  const names = Object.keys(MODEL_PRESETS);
  if (!existsSync(model) || !statSync(model).isFile())
    throw new ConfigError(
      `--model ${model}: expected ${names.join(", ")} or the path of a config.json${didYouMean(model, names)}`,
    );
  const parsed = parseForeignJson(readForeignText(model) as Buffer);
  if ("problem" in parsed) throw new ConfigError(`--model ${model}: expected a JSON file, got: ${parsed.problem}`);
  return parsed.value as Record<string, unknown>;
}
