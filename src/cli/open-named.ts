// From the name a person gives a model to the opened model: found, loaded with its progress shown, warnings told. Knows
// no conversation.
import type { OpenedChat } from "../inference/conversation/chat-model.js";
import type { AdapterPlaces } from "../inference/opening/adapter-files.js";
import { openConversation } from "../mix/open-conversation.js";
import { modelPath } from "./model-path.js";
import { type ComputeFlags, openForAnswers, tell } from "./run-verb.js";

/** Flags of verbs that answer. */
export interface OpenFlags extends ComputeFlags {
  readonly context?: number;
  readonly adapter?: AdapterPlaces;
  readonly cacheType?: "bf16" | "f32" | "fp8";
}

/** Opens a run, a model directory, a GGUF file or a pulled model on this machine. */
export async function openNamed(name: string, flags: OpenFlags): Promise<OpenedChat> {
  const path = modelPath(name);
  await openForAnswers(flags);
  const cacheType = flags.cacheType === "fp8" ? "fp8-latent" : flags.cacheType;
  const opened = await openConversation(path, {
    cacheTokens: flags.context,
    cacheType,
    adapter: flags.adapter,
    onProgress: process.stderr.isTTY ? showLoading() : undefined,
  });
  const { maxPositions } = opened.model;
  if (flags.context !== undefined && maxPositions < flags.context)
    tell(`warning: --context ${flags.context} exceeds this model's limit; using ${maxPositions} tokens`);
  if (opened.warning) tell(`warning: ${opened.warning}`);
  return opened;
}

/** One line that is written over, and gone when all is loaded. A small model is there before it would be read. */
function showLoading(): (loadedBytes: number, totalBytes: number) => void {
  const startedMs = performance.now();
  let isShown = false;
  return (loaded, total) => {
    if (performance.now() - startedMs < 300 && !isShown) return;
    isShown = true;
    process.stderr.write(loaded < total ? `\rloading ${Math.floor((100 * loaded) / total)}% ` : "\r\x1b[K");
  };
}
