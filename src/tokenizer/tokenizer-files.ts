// tokenizer.json and tokenizer_config.json in a folder: reading them into a tokenizer, writing one. Does not know the formats' innards.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../errors.js";
import { createTokenizer } from "./create-tokenizer.js";
import type { Tokenizer, TokenizerConfigJson, TokenizerJson } from "./tokenizer.js";

/**
 * Reads `tokenizer.json` and, where they are there, `tokenizer_config.json` and `chat_template.jinja` from a folder. Each kind comes back
 * as its fastest reader. @throws DataError naming the file
 */
export function loadTokenizer(folder: string): Tokenizer {
  const json = readJson(join(folder, "tokenizer.json"), true) as unknown as TokenizerJson;
  if (typeof json.model !== "object" || json.model === null) throw new DataError(`${join(folder, "tokenizer.json")}: expected an object with "model"`);
  const config: TokenizerConfigJson = { ...readJson(join(folder, "tokenizer_config.json"), false), ...readTemplateFile(folder) };
  return createTokenizer(json, config);
}

/** The chat template where it has a file of its own, which then is the one that counts. */
function readTemplateFile(folder: string): TokenizerConfigJson {
  const template = readText(join(folder, "chat_template.jinja"));
  return template === undefined ? {} : { chat_template: template };
}

/** Writes both files so that `loadTokenizer` and Hugging Face's `AutoTokenizer` read the same tokenizer back. Makes the folder if needed. */
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
  const nameOf = (id: number | undefined): string | undefined => tokenizer.specialTokens.find((special) => special.id === id)?.token;
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
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new DataError(`${path}: not valid JSON (${(error as Error).message}); the file may be truncated`);
  }
}

/** A file's text, or undefined where there is none. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new DataError(`cannot read ${path}: ${(error as Error).message}`);
  }
}
