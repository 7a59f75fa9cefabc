// `load`: from a model's name or path to a model that answers. Pulls it where it is not there yet.
import { existsSync } from "node:fs";
import { ConfigError } from "../errors.js";
import { hubSettings, isPulled, modelNameOf, pull, resolveModel } from "../hub/index.js";
import type { EngineOpening } from "../inference/opening/open-engine.js";
import { openConversation } from "../mix/open-conversation.js";
import { withoutControls } from "../plain-text.js";
import { LoadedModel } from "./loaded-model.js";
import { ensureMachine } from "./machine.js";

/** How a model is loaded. */
export interface LoadOptions extends Pick<EngineOpening, "adapter" | "cacheType" | "device" | "thread"> {
  /** Tokens that prompt and answer may take together; default: the model's own limit, at most 8,192. */
  readonly context?: number;
  /** Called with bytes so far and in all, first of what is pulled, then of what is read from the disk. */
  readonly onProgress?: (progress: {
    readonly phase: "pull" | "read";
    readonly doneBytes: number;
    readonly totalBytes: number;
  }) => void;
  /** Hears of what is worth knowing, such as a damaged checkpoint that was passed over; default: standard error. */
  readonly warn?: (line: string) => void;
  /** Ends a pull. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a run, a model directory, a GGUF file, or a model of the hub (`org/name`, `org/name:Q4_K_M`), which is pulled
 * into Hugging Face's cache where it is not there yet. Throws ConfigError for what is no model, HubError where it
 * cannot be pulled, BackendError where it does not fit.
 */
export async function load(name: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const { context, onProgress, warn = toStandardError, adapter, cacheType, device, thread } = options;
  const path = await placeOfModel(name, options);
  if (device === undefined && !thread) await ensureMachine();
  const onRead =
    onProgress && ((doneBytes: number, totalBytes: number) => onProgress({ phase: "read", doneBytes, totalBytes }));
  const opened = await openConversation(path, {
    cacheTokens: context,
    adapter,
    cacheType,
    device,
    thread,
    onProgress: onRead,
  });
  if (opened.warning) warn(opened.warning);
  return new LoadedModel(path, opened);
}

/** Where warnings go unless somebody takes them. */
export const toStandardError = (line: string): void => void process.stderr.write(withoutControls(`warning: ${line}\n`));

/** Where a model lies; one of the hub is pulled where it is not there yet. Throws as `load` does. */
export async function placeOfModel(
  name: string,
  { onProgress, warn = toStandardError, signal }: LoadOptions = {},
): Promise<string> {
  if (typeof name !== "string" || name === "")
    throw new ConfigError(`expected a path or the name of a model (org/name), got ${JSON.stringify(name)}`);
  return existsSync(name) || isPulled(name) ? resolveModel(name) : pulled(name, onProgress, warn, signal);
}

async function pulled(
  text: string,
  onProgress: LoadOptions["onProgress"],
  note: (line: string) => void,
  signal = new AbortController().signal,
): Promise<string> {
  const name = modelNameOf(text);
  const received = new Map<string, number>();
  let totalBytes = 0;
  const tell = () =>
    onProgress?.({
      phase: "pull",
      doneBytes: [...received.values()].reduce((sum, bytes) => sum + bytes, 0),
      totalBytes,
    });
  const events = {
    begin(files: readonly { readonly path: string; readonly sizeBytes: number; readonly receivedBytes: number }[]) {
      totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      for (const { path, receivedBytes } of files) received.set(path, receivedBytes);
    },
    received(path: string, bytes: number) {
      received.set(path, bytes);
      tell();
    },
    whole: tell,
    note,
  };
  const result = await pull(
    { kind: "model", name, include: [], verify: false },
    { settings: hubSettings(), signal, events },
  );
  if (result.kind === "choose")
    throw new ConfigError(
      `${text} has several GGUF models; choose one: ` +
        `${result.choices.map(({ label }) => `${result.repo}:${label}`).join(", ")}`,
    );
  return resolveModel(text);
}
