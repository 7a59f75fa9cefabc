// tokenizer.json and tokenizer_config.json in a folder: reading them into a tokenizer, writing one. Does not know the
// formats' innards.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../errors.js";
import { parseForeignJson, readForeignText } from "../foreign-file.js";
import { createTokenizer } from "./create-tokenizer.js";
import type { Tokenizer, TokenizerConfigJson, TokenizerJson } from "./tokenizer.js";

/**
 * Reads `tokenizer.json` and, where they are there, `tokenizer_config.json` and `chat_template.jinja` from a folder.
 * Each kind comes back as its fastest reader. @throws DataError naming the file
 */
export function loadTokenizer(folder: string): Tokenizer {
  const json = readJson(join(folder, "tokenizer.json"), true) as unknown as TokenizerJson;
  const config: TokenizerConfigJson = {
    ...readJson(join(folder, "tokenizer_config.json"), false),
    ...readTemplateFile(folder),
  };
  return createTokenizer(json, config, join(folder, "tokenizer.json"));
}

/** The chat template where it has a file of its own, which then is the one that counts. */
function readTemplateFile(folder: string): TokenizerConfigJson {
  const template = readText(join(folder, "chat_template.jinja"));
  return template === undefined ? {} : { chat_template: template.toString("utf8") };
}

/**
 * Writes both files so that `loadTokenizer` and Hugging Face's `AutoTokenizer` read the same tokenizer back. Makes the
 * folder if needed.
 */
export function saveTokenizer(tokenizer: Tokenizer, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(tokenizerFiles(tokenizer))) writeFileSync(join(folder, name), text);
}

/** The two files' texts by name, for a checkpoint to carry. */
export function tokenizerFiles(tokenizer: Tokenizer): Record<string, string> {
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return { "tokenizer.json": text(tokenizer.toJSON()), "tokenizer_config.json": text(configOf(tokenizer)) };
}

function configOf(tokenizer: Tokenizer): TokenizerConfigJson {
  const nameOf = (id: number | undefined): string | undefined =>
    tokenizer.specialTokens.find((special) => special.id === id)?.token;
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    clean_up_tokenization_spaces: false,
    bos_token: nameOf(tokenizer.bosId),
    eos_token: nameOf(tokenizer.eosId),
    pad_token: nameOf(tokenizer.padId),
    ...tokenizer.config,
  };
}

function readJson(path: string, required: true): Record<string, unknown>;
function readJson(path: string, required: false): Record<string, unknown> | undefined;
function readJson(path: string, required: boolean): Record<string, unknown> | undefined {
  const text = readText(path);
  if (text === undefined && required) throw new DataError(`cannot read ${path}: there is no such file`);
  if (text === undefined) return undefined;
  const parsed = parseForeignJson(text);
  if ("problem" in parsed)
    throw new DataError(`${path}: not valid JSON (${parsed.problem}); the file may be truncated`);
  const { value } = parsed;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new DataError(`${path}: expected a JSON object`);
  return value as Record<string, unknown>;
}

/** A file's bytes, or undefined where there is none. */
function readText(path: string): Buffer | undefined {
  try {
    return readForeignText(path);
  } catch (error) {
    throw new DataError(`cannot read ${path}: ${(error as Error).message}`);
  }
}
