// Pulls a model that a client of `luciole serve --allow-pull` asks for.
import { ConfigError } from "../errors.js";
import {
  formatModelName,
  hubSettings,
  type ModelName,
  modelNameOf,
  ollamaHint,
  pull,
  resolveModel,
  suggestedGguf,
} from "../hub/index.js";
import type { PullModel } from "../server/context.js";
import { ownCommand } from "../terminal/own-command.js";

/** As `luciole pull`. Of several GGUF files the one is taken that Ollama would take. */
export const pullForServer: PullModel = async (text, events, signal) => {
  const hint = ollamaHint(text, `${ownCommand()} pull`);
  if (hint) throw new ConfigError(hint);
  const name = modelNameOf(text);
  const bring = (wanted: ModelName) =>
    pull({ kind: "model", name: wanted, include: [], verify: false }, { settings: hubSettings(), signal, events });
  const result = await bring(name);
  if (result.kind === "pulled") return resolveModel(formatModelName(name));
  const chosen = { ...name, choice: suggestedGguf(result.choices) };
  await bring(chosen);
  return resolveModel(formatModelName(chosen));
};
