// Shapes of released models by name: what speed and memory can be measured on without their weights. The figures are
// the families'.
import { ConfigError, didYouMean } from "../errors.js";
import type { HfConfig } from "./config-fields.js";
import { FAMILIES, numMtpOf, withNumMtp } from "./families.js";
import { parseHfConfig } from "./hf-config.js";

const PUBLISHED = new Map(FAMILIES.flatMap(({ published }) => Object.entries(published)));

/** Names of the released shapes. */
export const PUBLISHED_SHAPES = [...PUBLISHED.keys()];

/**
 * The configuration of a released shape, perhaps cut: `v3:layers=4` keeps the first layers and drops multi-token
 * prediction, which `v3:layers=4,mtp=1` keeps. Throws ConfigError for a name or key that is not known.
 */
export function publishedConfig(text: string): HfConfig {
  const [name, cut = ""] = text.split(":", 2);
  const published = PUBLISHED.get(name);
  if (!published)
    throw new ConfigError(
      `unknown shape "${name}"${didYouMean(name, PUBLISHED_SHAPES)}; choose one of ${PUBLISHED_SHAPES.join(", ")}`,
    );
  const config = parseHfConfig(published, name);
  return cut === "" ? config : cutConfig(config, cut);
}

function cutConfig(config: HfConfig, cut: string): HfConfig {
  const keys = new Map(cut.split(",").map((pair) => pair.split("=", 2) as [string, string | undefined]));
  const whole = (key: string, least: number, most: number): number | undefined => {
    const text = keys.get(key);
    if (text === undefined) return undefined;
    const n = Number(text);
    if (!Number.isInteger(n) || n < least || n > most)
      throw new ConfigError(`${key}=${text}: expected a whole number from ${least} to ${most}`);
    return n;
  };
  for (const key of keys.keys())
    if (key !== "layers" && key !== "mtp") throw new ConfigError(`no key "${key}" for a shape: choose layers or mtp`);
  const layers = whole("layers", 1, config.num_hidden_layers) ?? config.num_hidden_layers;
  const mtp = whole("mtp", 0, 1) ?? (layers < config.num_hidden_layers ? 0 : numMtpOf(config));
  return withNumMtp({ ...config, num_hidden_layers: layers }, mtp);
}
