// Opens whatever can be talked to: a model, or a mix of models.
import { ConfigError } from "../errors.js";
import { type OpenedChat, openForChat } from "../inference/conversation/chat-model.js";
import type { EngineOpening } from "../inference/opening/open-engine.js";
import { mixAsChat } from "./mix-chat.js";
import { isMix } from "./mix-file.js";
import { openMix } from "./open-mix.js";

/** Opens `path` for conversations. Throws as `openForChat` and `openMix`, and ConfigError for adapters over a mix. */
export async function openConversation(path: string, options: EngineOpening): Promise<OpenedChat> {
  if (!isMix(path)) return openForChat(path, options);
  refuseAdapter(path, options.adapter);
  const { adapter: _, cacheSequences: __, compute: ___, ...opening } = options;
  const { mix, warning, dispose } = await openMix(path, opening);
  return mixAsChat(mix, path, warning, dispose);
}

/** Throws ConfigError where an adapter is to be put over a mix. */
export function refuseAdapter(path: string, adapter: unknown): void {
  if (adapter !== undefined)
    throw new ConfigError(`${path} is a mix of models: name the adapter of a member in its file, not with --adapter`);
}
