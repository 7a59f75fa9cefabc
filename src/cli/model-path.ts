// From the name a person gives a model to what can be opened. Opens nothing.
import { resolveModel } from "../hub/resolve-model.js";
import { parseRandomName } from "../inference/opening/open-for-inference.js";

/**
 * `random:…` as it is; else the path that exists, or where the pulled model of that name lies. Throws ConfigError
 * naming what to pull.
 */
export const modelPath = (name: string): string => (parseRandomName(name) ? name : resolveModel(name));
