// Opens a model to train, its weights as f32 numbers whatever type they are stored in, or to sample as it stands.
import { storedValues, type TensorSource, weightNames } from "../../checkpoint/index.js";
import { ConfigError } from "../../errors.js";
import { type HfConfig, scoresTexts } from "../../models/config-fields.js";
import { createModel } from "../../models/create.js";
import { withScoreHead } from "../../models/families.js";
import { type LanguageModel, SCORE_HEAD } from "../../models/language-model.js";
import { contextOf } from "../../models/rope-scaling.js";
import { loadStored, type WeightSource } from "../../models/stored-weights.js";
import { loadWeights, type StoredTensor } from "../../models/weights.js";
import type { AdapterSpec } from "../../nn/lora.js";
import type { Trains } from "../../nn/trains.js";
import { Random } from "../../random.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { ownCommand, shownPath } from "../../terminal/own-command.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { fillAdapters, refuseUnfit } from "./adapter-files.js";
import { mappedWeights } from "./mapped-weights.js";
import { type ModelSource, openModelSource, refuseScorer, type SourceFacts } from "./model-source.js";
import { openStored } from "./open-for-inference.js";

/** What is known of a model without its weights, where text is read and written. */
export interface ModelFacts extends SourceFacts {
  readonly tokenizer: Tokenizer;
}

/** A model ready to use. Its owner disposes the model. */
export interface OpenedModel extends ModelFacts {
  readonly model: LanguageModel;
}

/** How a model is opened to train. */
export interface TrainableOptions {
  /** Default: as it was trained where it was trained here, else f32. */
  readonly compute?: ComputeType;
  /** Which weights train, by their Hugging Face names; the others are held as they are stored. Default: all. */
  readonly trains?: Trains;
  /** Adapters over the model, which then does not train itself. */
  readonly adapters?: readonly AdapterSpec[];
  /**
   * Opens a reward model, with a score head in place of the head over the vocabulary: with initial values of this seed
   * where the files have none; null refuses such files. Default: a model that continues texts.
   */
  readonly scoreSeed?: number | null;
}

/**
 * Opens `path` (a run, a model directory, a GGUF file) to train. Throws ConfigError when there is no model or no
 * tokenizer, or where `trains` does not fit its weights, CheckpointError when it is damaged or of another shape than
 * its configuration says.
 */
export const openModel = (path: string, options: TrainableOptions = {}): Promise<OpenedModel> =>
  withSource(path, { scores: options.scoreSeed !== undefined }, (source, facts) =>
    openTrainable(source, facts, options),
  );

/** Reads all of a model but its weights; `scores`: of one to be opened as a reward model. Throws as `openModel`. */
export const readModelFacts = (path: string, { scores = false } = {}): Promise<ModelFacts> =>
  withSource(path, { scores }, async (_, facts) => facts);

/**
 * Opens `path` to sample from: what was trained here as it was trained, so that it computes to the same bits;
 * everything else with its weights as they are stored. Throws as `openModel`, and BackendError with the figures where
 * it would not fit into memory.
 */
export const openForSampling = (path: string, adapter?: string): Promise<OpenedModel> =>
  withSource(path, { adapter }, async (source, facts) =>
    facts.isTrainedHere && source.adapters.length === 0
      ? openTrainable(source, facts)
      : openAsStored(path, source, facts),
  );

/**
 * Opens `path` to say how likely it finds texts of others: what was trained here as it was trained, everything else
 * with its weights as they are stored. Throws as `openModel`.
 */
export const openToJudge = (path: string): Promise<OpenedModel> =>
  withSource(path, {}, (source, facts) =>
    openTrainable(source, facts, facts.isTrainedHere ? {} : { compute: "bf16", trains: "none" }),
  );

/** The cache is whoever samples', so none is planned here. */
async function openAsStored(path: string, source: ModelSource, facts: ModelFacts): Promise<OpenedModel> {
  const { model } = await openStored(path, source, { cacheTokens: 1, context: contextOf(facts.config), drafts: false });
  return { ...facts, model };
}

async function openTrainable(
  { weights, adapters: under, facts: stored }: ModelSource,
  facts: ModelFacts,
  {
    compute = facts.compute,
    adapters = [],
    trains = adapters.length > 0 ? "none" : "all",
    scoreSeed,
  }: TrainableOptions = {},
): Promise<OpenedModel> {
  if (under.length > 0 && trains !== "none")
    throw new ConfigError(
      `${under[0].directory} is an adapter; merge it into its model first: ${ownCommand()} merge ` +
        `${shownPath(under[0].base ?? "<model>")} --adapter ${shownPath(under[0].directory)} --out <directory>`,
    );
  const { config } = facts;
  for (const adapter of under) refuseUnfit(config, adapter);
  const specs = [...under.map(({ spec }) => spec), ...adapters];
  const model = createModel(config, { compute, seed: null, trains, adapters: specs });
  try {
    const isNewScorer = scoresTexts(config) && !scoresTexts(stored.config);
    if (isNewScorer && scoreSeed === null) throw new ConfigError(`${facts.directory}: ${NO_SCORER}`);
    const fetch = (name: string) =>
      isNewScorer && name === SCORE_HEAD ? freshScoreHead(config, scoreSeed) : storedValues(weights, name);
    const names = scoresTexts(config) ? withoutPrediction(weightNames(weights), config) : weightNames(weights);
    if (trains === "all") await loadWeights(model.parameters, fetch, names);
    else await loadMapped(model, weights);
    await fillAdapters(model, under);
    return { ...facts, model };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

const NO_SCORER =
  "this model has no score head; expected a reward model, as luciole reward-model makes it, or one of transformers " +
  "(…ForSequenceClassification)";

/** Initial values of a score head: normal, as `transformers` initialises it. */
async function freshScoreHead(config: HfConfig, seed: number | null = 0): Promise<StoredTensor> {
  const values = new Float32Array(config.hidden_size);
  new Random(seed ?? 0).fork(SCORE_HEAD).fillNormal(values, 0, config.initializer_range);
  return { shape: [1, config.hidden_size], values };
}

/** Names without those of layers of multi-token prediction, of which a reward model has none. */
function withoutPrediction(names: Iterable<string>, { num_hidden_layers: numLayers }: HfConfig): string[] {
  return [...names].filter((name) => !(Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? 0) >= numLayers));
}

/** The weights that a model of this configuration has a place for. */
const sourceFor = (config: HfConfig, source: WeightSource): WeightSource =>
  scoresTexts(config) ? { ...source, names: withoutPrediction(source.names, config) } : source;

/** Fills a model whose frozen weights stay in the types of the files. */
async function loadMapped({ parameters, config }: LanguageModel, weights: TensorSource): Promise<void> {
  const source = mappedWeights(weights, parameters.device);
  try {
    await loadStored(parameters, sourceFor(config, source));
    source.files.refuseChangedNow();
  } finally {
    source.close();
  }
}

/** Lets `body` plan with the model at `path` frozen as it is stored. */
export const withFrozen = <P extends { readonly config: HfConfig }, R>(
  path: string,
  planned: P,
  body: (planned: P & { readonly frozen: { readonly trains: "none"; readonly source: WeightSource } }) => Promise<R>,
): Promise<R> =>
  withSource(path, {}, async ({ weights }) => {
    const source = mappedWeights(weights);
    try {
      return await body({ ...planned, frozen: { trains: "none", source: sourceFor(planned.config, source) } });
    } finally {
      source.close();
    }
  });

async function withSource<R>(
  path: string,
  { adapter, scores = false }: { readonly adapter?: string; readonly scores?: boolean },
  body: (source: ModelSource, facts: ModelFacts) => Promise<R>,
): Promise<R> {
  const source = await openModelSource(path, adapter);
  try {
    if (!scores) refuseScorer(path, source.facts);
    const { tokenizer, ...known } = source.facts;
    const facts = scores ? { ...known, config: withScoreHead(known.config) } : known;
    if (!tokenizer)
      throw new ConfigError(
        facts.warning ?? `${path}: this model has no tokenizer; put its tokenizer.json next to the weights`,
      );
    return await body(source, { ...facts, tokenizer });
  } finally {
    await source.close();
  }
}
