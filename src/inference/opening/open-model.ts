// Opens a model to train, its weights as f32 numbers whatever type they are stored in, or to sample as it stands.
import { storedValues, type TensorSource, weightNames } from "../../checkpoint/index.js";
import { ConfigError } from "../../errors.js";
import { createModel } from "../../models/create.js";
import type { LanguageModel } from "../../models/language-model.js";
import { contextOf } from "../../models/rope-scaling.js";
import { loadStored, type WeightSource } from "../../models/stored-weights.js";
import { loadWeights } from "../../models/weights.js";
import type { AdapterSpec } from "../../nn/lora.js";
import type { Trains } from "../../nn/trains.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { ownCommand, shownPath } from "../../terminal/own-command.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { mappedWeights } from "./mapped-weights.js";
import { type ModelSource, openModelSource, type SourceFacts } from "./model-source.js";
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
  /** Default: as it was trained where it was trained here, else bf16. */
  readonly compute?: ComputeType;
  /** Which weights train, by their Hugging Face names; the others are held as they are stored. Default: all. */
  readonly trains?: Trains;
  /** Adapters over the model, which then does not train itself. */
  readonly adapters?: readonly AdapterSpec[];
}

/**
 * Opens `path` (a run, a model directory, a GGUF file) to train. Throws ConfigError when there is no model or no
 * tokenizer, or where `trains` does not fit its weights, CheckpointError when it is damaged or of another shape than
 * its configuration says.
 */
export const openModel = (path: string, options: TrainableOptions = {}): Promise<OpenedModel> =>
  withSource(path, undefined, (source, facts) => openTrainable(source, facts, options));

/** Reads all of a model but its weights. Throws as `openModel`. */
export const readModelFacts = (path: string, adapter?: string): Promise<ModelFacts> =>
  withSource(path, adapter, async (_, facts) => facts);

/**
 * Opens `path` to sample from: what was trained here as it was trained, so that it computes to the same bits;
 * everything else with its weights as they are stored. Throws as `openModel`, and BackendError with the figures where
 * it would not fit into memory.
 */
export const openForSampling = (path: string, adapter?: string): Promise<OpenedModel> =>
  withSource(path, adapter, async (source, facts) =>
    facts.isTrainedHere && source.adapters.length === 0
      ? openTrainable(source, facts)
      : openAsStored(path, source, facts),
  );

/** The cache is whoever samples', so none is planned here. */
async function openAsStored(path: string, source: ModelSource, facts: ModelFacts): Promise<OpenedModel> {
  const { model } = await openStored(path, source, { cacheTokens: 1, context: contextOf(facts.config), drafts: false });
  return { ...facts, model };
}

async function openTrainable(
  { weights, adapters: under }: ModelSource,
  facts: ModelFacts,
  { compute = facts.compute, adapters = [], trains = adapters.length > 0 ? "none" : "all" }: TrainableOptions = {},
): Promise<OpenedModel> {
  if (under.length > 0)
    throw new ConfigError(
      `${under[0].directory} is an adapter; merge it into its model first: ${ownCommand()} merge ` +
        `${shownPath(under[0].base ?? "<model>")} --adapter ${shownPath(under[0].directory)} --out <directory>`,
    );
  const model = createModel(facts.config, { compute, seed: null, trains, adapters });
  try {
    if (trains === "all")
      await loadWeights(model.parameters, (name) => storedValues(weights, name), weightNames(weights));
    else await loadMapped(model, weights);
    return { ...facts, model };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Fills a model whose frozen weights stay in the types of the files. */
async function loadMapped({ parameters }: LanguageModel, weights: TensorSource): Promise<void> {
  const source = mappedWeights(weights, parameters.device);
  try {
    await loadStored(parameters, source);
    source.files.refuseChangedNow();
  } finally {
    source.close();
  }
}

/** Lets `body` plan with the model at `path` frozen as it is stored. */
export const withFrozen = <P extends object, R>(
  path: string,
  planned: P,
  body: (planned: P & { readonly frozen: { readonly trains: "none"; readonly source: WeightSource } }) => Promise<R>,
): Promise<R> =>
  withSource(path, undefined, async ({ weights }) => {
    const source = mappedWeights(weights);
    try {
      return await body({ ...planned, frozen: { trains: "none", source } });
    } finally {
      source.close();
    }
  });

async function withSource<R>(
  path: string,
  adapter: string | undefined,
  body: (source: ModelSource, facts: ModelFacts) => Promise<R>,
): Promise<R> {
  const source = await openModelSource(path, adapter);
  try {
    const { tokenizer, ...facts } = source.facts;
    if (!tokenizer)
      throw new ConfigError(
        facts.warning ?? `${path}: this model has no tokenizer; put its tokenizer.json next to the weights`,
      );
    return await body(source, { ...facts, tokenizer });
  } finally {
    await source.close();
  }
}
