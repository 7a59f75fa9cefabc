// The model that `luciole convert` reads: a GGUF file, a run's newest checkpoint or a model directory, with the texts
// that go with it.
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ConversionSource } from "../checkpoint/convert-model.js";
import type { GgufFile } from "../checkpoint/gguf.js";
import { ggufDifferences } from "../checkpoint/gguf-config.js";
import { openGgufModel } from "../checkpoint/gguf-model.js";
import { ggufVocabulary } from "../checkpoint/gguf-vocabulary.js";
import type { GgufSetting } from "../checkpoint/gguf-writer.js";
import type { JsonObject } from "../checkpoint/index.js";
import { CheckpointError, LucioleError } from "../errors.js";
import { parseForeignJson, readForeignText } from "../foreign-file.js";
import { frameAsChatTemplate } from "../inference/conversation/prompt.js";
import { modelLocation } from "../inference/opening/model-location.js";
import { openFiles, trainedTemplate } from "../inference/opening/model-source.js";
import type { HfConfig } from "../models/hf-config.js";
import { idsOf, isEndText } from "../tokenizer/end-tokens.js";
import { ggufTokenizer } from "../tokenizer/gguf-tokenizer.js";
import type { TokenizerConfigJson, TokenizerJson } from "../tokenizer/tokenizer.js";
import { checkTokenizerJson } from "../tokenizer/tokenizer-check.js";

/** A model to convert. Close it after use. */
export interface ConvertibleModel extends ConversionSource {
  readonly name: string;
  /** tokenizer.json, tokenizer_config.json and the like, by name. */
  readonly files: Readonly<Record<string, string>>;
  readonly generationConfig?: JsonObject;
  /** Says what of the source could not be taken, or which damaged checkpoints were passed over. */
  readonly warning?: string;
  close(): Promise<void>;
}

const TEXT_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"];

/** Opens what lies at `path`. Throws ConfigError when nothing is there, CheckpointError when it is damaged. */
export async function openConvertible(path: string): Promise<ConvertibleModel> {
  const place = modelLocation(path);
  const name = basename(place).replace(/\.gguf$/, "");
  const isFile = (await stat(place).catch(() => undefined))?.isFile() ?? false;
  return isFile ? openFromGguf(place, name) : openFromDirectory(place, name);
}

async function openFromGguf(path: string, name: string): Promise<ConvertibleModel> {
  const { file, config, weights, close } = await openGgufModel(path);
  const ends = idsOf(config.eos_token_id);
  const generationConfig = ends.length > 1 ? { eos_token_id: ends } : undefined;
  return { name, config, weights, generationConfig, ...tokenizerFilesOf(file), close };
}

/** A vocabulary that cannot be read does not keep the weights from being converted. */
function tokenizerFilesOf({ facts, path }: GgufFile): Pick<ConvertibleModel, "files" | "warning"> {
  try {
    const { json, config } = ggufTokenizer(facts, path);
    const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
    return {
      files: {
        "tokenizer.json": text(json),
        "tokenizer_config.json": text({ tokenizer_class: "PreTrainedTokenizerFast", ...config }),
      },
    };
  } catch (error) {
    if (!(error instanceof LucioleError)) throw error;
    return { files: {}, warning: `${error.message}; the tokenizer is left out` };
  }
}

async function openFromDirectory(path: string, name: string): Promise<ConvertibleModel> {
  const { opened, config, warning } = await openFiles(path);
  try {
    const { directory, weights } = opened;
    const files: Record<string, string> = {};
    for (const file of TEXT_FILES) {
      const text = await textOf(join(directory, file));
      if (text !== undefined) files[file] = text;
    }
    const generation = await textOf(join(directory, "generation_config.json"));
    const generationConfig =
      generation === undefined ? undefined : parseJson<JsonObject>(generation, "generation_config.json");
    return {
      name,
      config,
      weights,
      files: withFrame(files, generationConfig),
      generationConfig,
      warning,
      close: () => opened.close(),
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Without a chat template, the frame in which training put its prompts becomes one: GGUF keeps nothing else of it. */
function withFrame(files: Readonly<Record<string, string>>, generation: JsonObject = {}): ConvertibleModel["files"] {
  const trained = trainedTemplate(generation);
  const hasTemplate = files["chat_template.jinja"] !== undefined || tokenizerConfig(files).chat_template !== undefined;
  return trained === null || hasTemplate ? files : { ...files, "chat_template.jinja": frameAsChatTemplate(trained) };
}

const tokenizerConfig = (files: ConvertibleModel["files"]) =>
  parseJson<TokenizerConfigJson>(files["tokenizer_config.json"] ?? "{}", "tokenizer_config.json");

async function textOf(path: string): Promise<string | undefined> {
  try {
    return readForeignText(path)?.toString("utf8");
  } catch (error) {
    throw new CheckpointError(`${path}: cannot be read (${(error as Error).message})`, { cause: error });
  }
}

/**
 * What of the model a GGUF file does not hold, or llama.cpp computes otherwise from it, in words. `extras`: the
 * metadata that is written.
 */
export function ggufWarnings(
  { config, generationConfig, files }: ConvertibleModel,
  extras: readonly GgufSetting[],
): string[] {
  const told = extras.flatMap(([key, , value]) => (/\.(eos|eot|eom)_token_id$/.test(key) ? [value] : []));
  const known = parseJson<TokenizerJson>(files["tokenizer.json"] ?? "{}", "tokenizer.json").added_tokens ?? [];
  const isTold = (id: number) =>
    told.includes(id) || known.some((token) => token.id === id && isEndText(token.content));
  const untold = endsOf(config, generationConfig).filter((id) => !isTold(id));
  const ends =
    untold.length === 0 ? [] : [`a GGUF file can name up to three end tokens; left out: ${untold.join(", ")}`];
  return [...ggufDifferences(config), ...ends];
}

const endsOf = (config: HfConfig, generation: JsonObject = {}): number[] =>
  idsOf(generation.eos_token_id, config.eos_token_id);

/**
 * The metadata a GGUF file takes over besides the architecture: name and vocabulary. Throws CheckpointError for a
 * tokenizer GGUF cannot express.
 */
export function ggufExtras({ name, config, files, generationConfig }: ConvertibleModel): GgufSetting[] {
  const tokenizer = files["tokenizer.json"];
  if (tokenizer === undefined)
    throw new CheckpointError(
      "the model has no tokenizer.json, which a GGUF file needs; put the tokenizer next to the weights",
    );
  const vocabulary = ggufVocabulary(
    {
      tokenizer: checkTokenizerJson(parseJson<TokenizerJson>(tokenizer, "tokenizer.json")),
      config: tokenizerConfig(files),
      chatTemplate: files["chat_template.jinja"],
    },
    {
      bos: config.bos_token_id ?? undefined,
      eos: endsOf(config, generationConfig),
      pad: config.pad_token_id ?? undefined,
    },
    config.vocab_size,
  );
  return [["general.name", "string", name], ...vocabulary];
}

function parseJson<T>(text: string, file: string): T {
  const parsed = parseForeignJson(Buffer.from(text));
  if ("value" in parsed && typeof parsed.value === "object" && parsed.value !== null && !Array.isArray(parsed.value))
    return parsed.value as T;
  throw new CheckpointError(`${file}: expected a JSON object; download or save it again`);
}
