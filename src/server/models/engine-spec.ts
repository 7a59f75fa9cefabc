// Which models of a server share an engine: those over one base that compute in one type. Reads headers alone.
import { existsSync, realpathSync } from "node:fs";
import { ConfigError } from "../../errors.js";
import { baseOfAdapter, computeTypes, type InferenceOptions, isAdapterAt } from "../../inference/index.js";
import type { ModelSpec } from "../settings.js";

/** A model of an engine: its base, with an adapter over it or without. */
export interface EngineModel {
  readonly name: string;
  /** Where the adapter lies; undefined: the base alone. */
  readonly adapter?: string;
}

/** An engine and the models that it computes. */
export interface EngineSpec {
  /** The base: a run, a model directory, a GGUF file or a random model. */
  readonly path: string;
  /** Type of activations; default: what the base is opened with by itself. */
  readonly compute?: InferenceOptions["compute"];
  readonly models: readonly EngineModel[];
}

/** A base, and all models over it. */
interface Base {
  readonly path: string;
  readonly models: EngineModel[];
}

/**
 * The engines of the models, in their order. A path may be that of an adapter, which brings its base. Every model
 * computes in the type that it has by itself, so that its replies are those of `luciole run`. Throws ConfigError for an
 * adapter whose base is not here, CheckpointError for one that was made for another base.
 */
export async function engineSpecs(models: readonly ModelSpec[]): Promise<EngineSpec[]> {
  const bases = new Map<string, Base>();
  for (const spec of models) {
    const { path, adapter } = await placesOf(spec);
    const key = existsSync(path) ? realpathSync(path) : path;
    const base = bases.get(key) ?? { path, models: [] };
    bases.set(key, base);
    base.models.push({ name: spec.name, adapter });
  }
  const specs: EngineSpec[] = [];
  for (const base of bases.values()) specs.push(...(await enginesOf(base)));
  return specs;
}

async function placesOf({ path, adapter }: ModelSpec): Promise<{ path: string; adapter?: string }> {
  if (adapter !== undefined || !(await isAdapterAt(path))) return { path, adapter };
  const base = await baseOfAdapter(path);
  if (base !== null && existsSync(base)) return { path: base, adapter: path };
  throw new ConfigError(
    `${path}: the adapter was trained over ${base ?? "a model that it does not name"}, which is not here; name both ` +
      'in --config: { "name": …, "path": <model>, "adapter": <adapter> }',
  );
}

/** One engine for each type that the models over a base compute in. */
async function enginesOf({ path, models }: Base): Promise<EngineSpec[]> {
  const adapters = adaptersOf(models);
  if (!adapters) return [{ path, models }];
  const types = await computeTypes(path, adapters);
  const typeOf = ({ name, adapter }: EngineModel) => types.get(adapter === undefined ? null : name);
  return [...new Set(models.map(typeOf))].map((compute) => ({
    path,
    compute,
    models: models.filter((model) => typeOf(model) === compute),
  }));
}

/** Where adapters lie, by the names of their models; undefined where there are none. */
export function adaptersOf(models: readonly EngineModel[]): Record<string, string> | undefined {
  const places = models.flatMap(({ name, adapter }) => (adapter === undefined ? [] : [[name, adapter] as const]));
  return places.length > 0 ? Object.fromEntries(places) : undefined;
}
