// One model directory in the Hugging Face layout, with or without trainer state, put in place whole or not at all.
// Knows files and names; which step it is and which of several to take is the store's business.
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CheckpointError } from "../errors.js";
import { CHECKSUMS_FILE, writeChecksums } from "./checksums.js";
import {
  errorCode,
  type FileSystem,
  formatBytes,
  freeBytes,
  machineFileSystem,
  syncDirectory,
  writeFailure,
} from "./file-system.js";
import { type FileDigest, writeFileWith } from "./file-writer.js";
import { hfJson } from "./hf-json.js";
import { type TensorSource, tensorSizeBytes, type WritableTensor } from "./host-tensor.js";
import { readJsonObject } from "./json-file.js";
import { openModelTensors, openSafetensors, writeSafetensors } from "./safetensors.js";
import { removeAbandoned, TEMPORARY_PREFIX, temporaryDirectory } from "./temporary-names.js";
import { exactJson, type JsonObject, type TrainerState } from "./trainer-state.js";

/** A directory that is being replaced carries this prefix until its successor stands. */
export const REPLACED_PREFIX = ".replaced-";

/** The names of configuration and weights: of a model as `transformers` has them, of an adapter as PEFT has them. */
const MODEL_FILES = { config: "config.json", weights: "model.safetensors" } as const;
const ADAPTER_FILES = { config: "adapter_config.json", weights: "adapter_model.safetensors" } as const;
const TRAINER_TENSORS_FILE = "trainer.safetensors";
const TRAINER_STATE_FILE = "trainer.json";
const RESERVED_FILES = [
  ...Object.values(MODEL_FILES),
  ...Object.values(ADAPTER_FILES),
  "generation_config.json",
  TRAINER_TENSORS_FILE,
  TRAINER_STATE_FILE,
  CHECKSUMS_FILE,
];

/**
 * What goes into a model directory. `files` are further texts by name, `tokenizer.json` and `tokenizer_config.json`
 * above all.
 */
export interface ModelDirectoryContents {
  config: JsonObject;
  /** These are an adapter's configuration and weights: its directory is one of PEFT. */
  isAdapter?: boolean;
  generationConfig?: JsonObject;
  weights: ReadonlyMap<string, WritableTensor>;
  files?: Readonly<Record<string, string>>;
  trainer?: TrainerState;
}

/** An opened model directory. `trainer` is there when the directory holds trainer state. Close it after use. */
export interface ModelDirectory {
  readonly directory: string;
  readonly config: JsonObject;
  /** Whether configuration and weights are an adapter's, in PEFT's layout. */
  readonly isAdapter: boolean;
  readonly weights: TensorSource;
  readonly trainer?: { readonly step: number; readonly state: JsonObject; readonly tensors: TensorSource };
  close(): Promise<void>;
}

/**
 * Writes `contents` to `directory`: into a temporary sibling first, every file and the directory synced, then renamed.
 * A reader therefore sees the old directory or the new one, never a part. Throws CheckpointError and leaves no remains
 * on failure.
 */
export async function writeModelDirectory(
  directory: string,
  contents: ModelDirectoryContents,
  fs: FileSystem = machineFileSystem,
): Promise<void> {
  const texts = textFiles(contents);
  const neededBytes = sizeOf(contents, texts);
  const parent = dirname(directory);
  const temporary = temporaryDirectory(directory);
  try {
    await fs.mkdir(parent, { recursive: true });
    await removeAbandoned(parent, fs);
    await checkRoom(directory, neededBytes, fs);
    await fs.mkdir(temporary);
    const digests = await writeFiles(temporary, contents, texts, fs);
    await writeChecksums(temporary, digests, fs);
    await syncDirectory(temporary, fs);
    await moveIntoPlace(temporary, directory, fs);
    await syncDirectory(parent, fs);
  } catch (error) {
    await fs.rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw await writeFailure(error, directory, neededBytes, fs);
  }
}

/** Whether a directory holds an adapter in PEFT's layout and no model. */
export const isAdapterDirectory = (directory: string): boolean =>
  existsSync(join(directory, ADAPTER_FILES.config)) && !existsSync(join(directory, MODEL_FILES.config));

/** Opens a model directory of ours or of `transformers`, or an adapter's of PEFT; checksums are not looked at here (see `verifyChecksums`). */
export async function openModelDirectory(
  directory: string,
  fs: FileSystem = machineFileSystem,
): Promise<ModelDirectory> {
  const isAdapter = isAdapterDirectory(directory);
  const files = isAdapter ? ADAPTER_FILES : MODEL_FILES;
  const config = await readJsonObject(join(directory, files.config), fs);
  const weights = isAdapter
    ? await openSafetensors(join(directory, files.weights), fs)
    : await openModelTensors(directory, fs);
  try {
    const trainer = await openTrainer(directory, fs);
    return {
      directory,
      config,
      isAdapter,
      weights,
      trainer,
      close: async () => void (await Promise.all([weights.close(), trainer?.tensors.close()])),
    };
  } catch (error) {
    await weights.close();
    throw error;
  }
}

const filesOf = ({ isAdapter }: ModelDirectoryContents) => (isAdapter ? ADAPTER_FILES : MODEL_FILES);

function textFiles(contents: ModelDirectoryContents): Map<string, string> {
  const texts = new Map<string, string>([[filesOf(contents).config, hfJson(contents.config, "config")]]);
  if (contents.generationConfig)
    texts.set("generation_config.json", hfJson(contents.generationConfig, "generationConfig"));
  for (const [name, text] of Object.entries(contents.files ?? {})) {
    if (RESERVED_FILES.includes(name) || basename(name) !== name)
      throw new CheckpointError(`a checkpoint cannot contain an additional file named ${name}`);
    texts.set(name, text);
  }
  if (contents.trainer)
    texts.set(TRAINER_STATE_FILE, exactJson({ step: contents.trainer.step, state: contents.trainer.state }, "trainer"));
  return texts;
}

function sizeOf(contents: ModelDirectoryContents, texts: ReadonlyMap<string, string>): number {
  let sizeBytes = 64 * 1024; // headers, checksums and the directory itself, generously
  for (const text of texts.values()) sizeBytes += Buffer.byteLength(text);
  for (const tensors of [contents.weights, contents.trainer?.tensors ?? new Map()]) {
    for (const { dtype, shape } of tensors.values()) sizeBytes += tensorSizeBytes(dtype, shape) ?? 0;
  }
  return sizeBytes;
}

async function checkRoom(directory: string, neededBytes: number, fs: FileSystem): Promise<void> {
  const free = await freeBytes(dirname(directory), fs);
  if (free === undefined || free >= neededBytes) return;
  const full = Object.assign(new Error(`${formatBytes(free)} free`), { code: "ENOSPC" });
  throw await writeFailure(full, directory, neededBytes, fs);
}

async function writeFiles(
  directory: string,
  contents: ModelDirectoryContents,
  texts: ReadonlyMap<string, string>,
  fs: FileSystem,
): Promise<Map<string, FileDigest>> {
  const digests = new Map<string, FileDigest>();
  for (const [name, text] of texts) {
    digests.set(
      name,
      await writeFileWith(join(directory, name), (writer) => writer.write(new TextEncoder().encode(text)), fs),
    );
  }
  const { weights } = filesOf(contents);
  digests.set(weights, await writeSafetensors(join(directory, weights), contents.weights, { fs }));
  if (contents.trainer)
    digests.set(
      TRAINER_TENSORS_FILE,
      await writeSafetensors(join(directory, TRAINER_TENSORS_FILE), contents.trainer.tensors, { fs }),
    );
  return digests;
}

/**
 * A directory cannot be renamed over another, so an old one steps aside first; `recoverReplaced` undoes that after a
 * crash between.
 */
async function moveIntoPlace(temporary: string, directory: string, fs: FileSystem): Promise<void> {
  const aside = join(dirname(directory), `${REPLACED_PREFIX}${basename(directory)}`);
  await fs.rm(aside, { recursive: true, force: true });
  const replaces = await fs.rename(directory, aside).then(
    () => true,
    (error) => {
      if (errorCode(error) === "ENOENT") return false;
      throw error;
    },
  );
  await fs.rename(temporary, directory).catch(async (error) => {
    if (replaces) await fs.rename(aside, directory);
    throw error;
  });
  if (replaces) await fs.rm(aside, { recursive: true, force: true });
}

/**
 * Cleans a parent directory after a crash: temporary directories go, one that had stepped aside for a successor that
 * never came returns.
 */
export async function recoverReplaced(parent: string, fs: FileSystem = machineFileSystem): Promise<void> {
  const names = await fs.readdir(parent).catch(() => [] as string[]);
  for (const name of names) {
    const path = join(parent, name);
    if (name.startsWith(REPLACED_PREFIX)) {
      const original = name.slice(REPLACED_PREFIX.length);
      if (names.includes(original)) await fs.rm(path, { recursive: true, force: true });
      else await fs.rename(path, join(parent, original));
    } else if (name.startsWith(TEMPORARY_PREFIX)) await fs.rm(path, { recursive: true, force: true });
  }
}

async function openTrainer(directory: string, fs: FileSystem): Promise<ModelDirectory["trainer"]> {
  const path = join(directory, TRAINER_STATE_FILE);
  const present = await fs.stat(path).then(
    () => true,
    () => false,
  );
  if (!present) return undefined;
  const { step, state } = await readJsonObject(path, fs);
  if (typeof step !== "number" || typeof state !== "object" || state === null)
    throw new CheckpointError(`${path}: expected { step, state }`);
  return {
    step,
    state: state as JsonObject,
    tensors: await openSafetensors(join(directory, TRAINER_TENSORS_FILE), fs),
  };
}
