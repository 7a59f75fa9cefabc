// What there is to know of a model without loading it, for lists. Reads headers alone.
import { statSync } from "node:fs";
import { inspectModel } from "../../inference/opening/inspect-model.js";

/** See the file's head. */
export interface ModelFacts {
  /** As `model_type` of its configuration. */
  readonly family: string;
  readonly numParameters: number;
  readonly maxPositions?: number;
  /** Of its stored tensors. */
  readonly bytes: number;
  /** The type most of them have. */
  readonly type: string;
  readonly format: "gguf" | "safetensors";
  /** When it was last changed. */
  readonly changed: Date;
}

/** The facts of what lies at `path`; undefined where it cannot be read. */
export async function modelFacts(path: string): Promise<ModelFacts | undefined> {
  try {
    const { config, parameters, stored } = await inspectModel(path, null);
    const types = Object.entries(stored?.dtypes ?? {}).sort(([, a], [, b]) => b - a);
    return {
      family: config.model_type,
      numParameters: parameters.total,
      maxPositions: config.max_position_embeddings,
      bytes: stored?.bytes ?? 0,
      type: types[0]?.[0] ?? "unknown",
      format: path.endsWith(".gguf") ? "gguf" : "safetensors",
      changed: statSync(path).mtime,
    };
  } catch {
    return undefined; // whoever asks for it hears why
  }
}
