// Adapters in PEFT's layout, opened beside the model that they change: from a directory, or from a run that trained
// one.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createShapesDevice } from "../../backends/shapes.js";
import {
  isAdapterDirectory,
  type JsonObject,
  listSteps,
  loadLatest,
  openModelDirectory,
  readJsonObject,
  storedValues,
  type TensorSource,
} from "../../checkpoint/index.js";
import { CheckpointError, ConfigError } from "../../errors.js";
import { parseAdapterConfig } from "../../models/adapter-config.js";
import { type HfConfig, scoresTexts } from "../../models/config-fields.js";
import { createModel } from "../../models/create.js";
import { adapterPart, type LanguageModel, SCORE_HEAD } from "../../models/language-model.js";
import { describeProblems, loadWeights, shapeProblem, type TensorProblem } from "../../models/weights.js";
import { type AdapterSpec, adaptedTensor, pairNames } from "../../nn/lora.js";

/** An adapter's files, opened. Close them after use. */
export interface AdapterFiles {
  readonly directory: string;
  /** How a model is made that has room for it. */
  readonly spec: AdapterSpec;
  /** The model that it was trained over: a path, if it is one from the adapter's directory on; null: it does not say. */
  readonly base: string | null;
  /** Whether it holds a score head: with its base it is a reward model. */
  readonly scores: boolean;
  readonly weights: TensorSource;
  /** generation_config.json of the run that trained it, or nothing. */
  readonly generation: JsonObject;
  readonly warning?: string;
  close(): Promise<void>;
}

/** Whether there is an adapter at `path`: a directory of PEFT's layout, or a run that trained one. */
export async function isAdapterAt(path: string): Promise<boolean> {
  if (isAdapterDirectory(path)) return true;
  const checkpoints = join(path, "checkpoints");
  if (!existsSync(checkpoints) || existsSync(join(path, "model.safetensors"))) return false;
  return (await listSteps(checkpoints)).some((step) => isAdapterDirectory(join(checkpoints, `step-${step}`)));
}

/** The model that the adapter at `path` was trained over, as `AdapterFiles.base` tells it. Throws as `openAdapter`. */
export async function baseOfAdapter(path: string): Promise<string | null> {
  const { base, close } = await openAdapter(path);
  await close();
  return base;
}

/** Where adapters lie, by the names that requests call them; a single path is that of "default". */
export type AdapterPlaces = string | Readonly<Record<string, string>>;

/** Opens adapters at their places. Throws as `openAdapter`, and ConfigError for a name of nothing. */
export async function openAdapters(places: AdapterPlaces): Promise<AdapterFiles[]> {
  const opened: AdapterFiles[] = [];
  try {
    for (const [name, path] of Object.entries(typeof places === "string" ? { default: places } : places)) {
      if (name === "") throw new ConfigError(`${path}: expected a name for the adapter, got an empty one`);
      opened.push(await openAdapter(path, name));
    }
    return opened;
  } catch (error) {
    await Promise.all(opened.map(({ close }) => close()));
    throw error;
  }
}

/** Opens the adapter at `path` under a name. Throws ConfigError where there is none, CheckpointError for a bad one. */
export async function openAdapter(path: string, name = "default"): Promise<AdapterFiles> {
  if (!(await isAdapterAt(path)))
    throw new ConfigError(
      `${path}: expected an adapter: a directory with adapter_config.json, or a run that trained one with lora.rank`,
    );
  const opened = isAdapterDirectory(path)
    ? { ...(await openModelDirectory(path)), warning: undefined }
    : await loadLatest(join(path, "checkpoints"));
  if (!opened) throw new CheckpointError(`${path}: this run has no checkpoint yet`);
  const { directory, config, weights, warning, close } = opened;
  try {
    const { lora, base, scores } = parseAdapterConfig(config, join(directory, "adapter_config.json"));
    const targets = [...new Set(weights.names.flatMap((each) => moduleOf(each)))];
    const file = join(directory, "generation_config.json");
    const generation = existsSync(file) ? await readJsonObject(file) : {};
    return {
      directory,
      spec: { name, lora: { ...lora, targets }, seed: null },
      base: base && placeOfBase(base, directory),
      scores,
      weights,
      generation,
      warning,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A path counts from the adapter's directory, so that both can be moved together; other names stay as they are. */
function placeOfBase(base: string, directory: string): string {
  const besideAdapter = resolve(directory, base);
  return existsSync(besideAdapter) ? besideAdapter : base;
}

const moduleOf = (name: string): string | [] => adaptedTensor(name)?.replace(/\.weight$/, "") ?? [];

/**
 * Throws CheckpointError, with names and shapes, for an adapter that was not made for a model of this configuration.
 */
export function refuseUnfit(config: HfConfig, { directory, spec, base, weights }: AdapterFiles): void {
  const model = createModel(config, { seed: null, trains: "none", device: createShapesDevice() });
  const { rank } = spec.lora;
  const expected = new Map<string, readonly number[]>();
  if (scoresTexts(config)) expected.set(adapterPart(SCORE_HEAD), [1, config.hidden_size]);
  for (const { part } of model.parameters.storedParts()) {
    if (part.shape.length !== 2) continue;
    const { a, b } = pairNames(part.name);
    expected.set(a, [rank, part.shape[1]]);
    expected.set(b, [part.shape[0], rank]);
  }
  const problems = weights.names.flatMap((name): TensorProblem[] => {
    const [{ shape }, wanted] = [weights.info(name), expected.get(name)];
    if (!wanted) return [{ kind: "unexpected", tensor: `${name} [${shape}]` }];
    return shape.join() === wanted.join() ? [] : [shapeProblem(name, shape, wanted)];
  });
  if (problems.length === 0 && weights.names.length > 0) return;
  const madeFor = base === null ? "" : `; it was trained over ${base}`;
  throw new CheckpointError(
    `${directory}: the adapter does not fit this model: ${describeProblems(problems) || "it holds no pairs"}${madeFor}`,
  );
}

/** Puts the numbers of adapters into a model that was made with their `spec`s. */
export async function fillAdapters({ parameters }: LanguageModel, adapters: readonly AdapterFiles[]): Promise<void> {
  for (const { spec, weights } of adapters) {
    const own = parameters.adapters.all.find(({ name }) => name === spec.name);
    if (own) await loadWeights(own.parameters, (name) => storedValues(weights, name), weights.names);
  }
}
