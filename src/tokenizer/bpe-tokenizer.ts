// A byte-level BPE tokenizer.json run by our own loop: the same ids as Hugging Face's `tokenizers`, at the speed long
// prompts need. What it does not hold (other models, other normalisers) is left to the kept library.

import { AddedTokens } from "./added-tokens.js";
import { BpeModel } from "./bpe-model.js";
import { byteOfCharacter } from "./byte-alphabet.js";
import { restoring } from "./control-tokens.js";
import { byteLevelSplitter, type Splitter } from "./pre-tokenizer.js";
import {
  addsBegin,
  type DecodeOptions,
  type EncodeOptions,
  roleId,
  type SpecialToken,
  type Tokenizer,
  type TokenizerConfigJson,
  type TokenizerJson,
} from "./tokenizer.js";

/** The tokenizer of these two files, or undefined when tokenizer.json holds more than this one knows. */
export function createBpeTokenizer(json: TokenizerJson, config: TokenizerConfigJson = {}): Tokenizer | undefined {
  const parts = {
    split: byteLevelSplitter(json.pre_tokenizer),
    normalize: normalizerOf(json.normalizer),
    frame: frameOf(json.post_processor),
  };
  const isByteLevel = (json.decoder as { type?: string } | null)?.type === "ByteLevel";
  if (!parts.split || !parts.normalize || !parts.frame || !isByteLevel) return undefined;
  const model = BpeModel.fromJson(json);
  return model && new BpeTokenizer(json, config, model, parts as Parts);
}

interface Parts {
  readonly split: Splitter;
  readonly normalize: (text: string) => string;
  readonly frame: Frame;
}

/** The special tokens that stand before and after a text. */
interface Frame {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

class BpeTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
  readonly specialTokens: readonly SpecialToken[];
  private readonly added: AddedTokens;
  private readonly tokens: string[] = [];
  private readonly specialById: ReadonlyMap<number, SpecialToken>;
  private readonly bytesById: (Uint8Array | undefined)[] = [];
  private readonly before: readonly number[];
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(
    private readonly json: TokenizerJson,
    readonly config: TokenizerConfigJson,
    private readonly model: BpeModel,
    private readonly parts: Parts,
  ) {
    this.specialTokens = (json.added_tokens ?? []).map(({ content, id, special }) => ({
      token: content,
      id,
      special: special ?? false,
    }));
    this.specialById = new Map(this.specialTokens.map((token) => [token.id, token]));
    this.added = new AddedTokens(json.added_tokens ?? [], parts.normalize);
    for (const [token, id] of model.vocab) this.tokens[id] = token;
    for (const { token, id } of this.specialTokens) this.tokens[id] = token;
    this.vocabSize = this.tokens.length;
    this.bosId = roleId(this, config.bos_token);
    this.eosId = roleId(this, config.eos_token);
    this.padId = roleId(this, config.pad_token);
    this.before = addsBegin(config, this.bosId, parts.frame.before);
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const ids: number[] = options.addSpecialTokens ? [...this.before] : [];
    const restore = restoring(options.marks);
    for (const piece of this.added.split(text)) {
      if (typeof piece === "string") this.encodePlain(restore(piece), ids);
      else ids.push(piece.id);
    }
    if (options.addSpecialTokens) ids.push(...this.parts.frame.after);
    return Int32Array.from(ids);
  }

  private encodePlain(text: string, ids: number[]): void {
    this.parts.split(text, (piece) => {
      for (const id of this.model.encode(piece)) ids.push(id);
    });
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const kept: Uint8Array[] = [];
    for (let i = 0; i < ids.length; i++) {
      const bytes =
        options.skipSpecialTokens && this.specialById.get(ids[i])?.special ? undefined : this.tokenBytes(ids[i]);
      if (bytes !== undefined) kept.push(bytes);
    }
    return this.decoder.decode(kept.length === 1 ? kept[0] : joined(kept));
  }

  tokenBytes(id: number): Uint8Array | undefined {
    const known = this.bytesById[id];
    const token = this.tokens[id];
    if (known !== undefined || token === undefined) return known;
    return (this.bytesById[id] = this.specialById.has(id) ? textBytes(token) : bytesOf(token));
  }

  tokenId(token: string): number | undefined {
    return this.specialTokens.find((special) => special.token === token)?.id ?? this.model.vocab.get(token);
  }

  toJSON(): TokenizerJson {
    return this.json;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The bytes a vocabulary entry stands for; one with a character outside the byte alphabet stands for its own text. */
function bytesOf(token: string): Uint8Array {
  const bytes = Array.from(token, byteOfCharacter);
  return bytes.includes(undefined) ? textBytes(token) : Uint8Array.from(bytes as number[]);
}

function normalizerOf(normalizer: unknown): Parts["normalize"] | undefined {
  const { type, normalizers } = (normalizer ?? { type: "Sequence", normalizers: [] }) as {
    type?: string;
    normalizers?: unknown;
  };
  if (type === "NFC") return (text) => text.normalize("NFC");
  if (type !== "Sequence" || !Array.isArray(normalizers)) return undefined;
  const steps = normalizers.map(normalizerOf);
  return steps.includes(undefined)
    ? undefined
    : (text) => (steps as Parts["normalize"][]).reduce((done, step) => step(done), text);
}

interface PostProcessorJson {
  readonly type?: string;
  readonly processors?: readonly PostProcessorJson[];
  readonly single?: readonly { readonly SpecialToken?: { readonly id: string } }[];
  readonly special_tokens?: Readonly<Record<string, { readonly ids: readonly number[] }>>;
}

function frameOf(postProcessor: unknown): Frame | undefined {
  const { type, processors, single, special_tokens } = (postProcessor ?? { type: "ByteLevel" }) as PostProcessorJson;
  if (type === "ByteLevel") return { before: [], after: [] };
  if (type === "Sequence" && Array.isArray(processors)) {
    const frames = processors.map(frameOf);
    if (frames.includes(undefined)) return undefined;
    return (frames as Frame[]).reduce((inner, outer) => ({
      before: [...outer.before, ...inner.before],
      after: [...inner.after, ...outer.after],
    }));
  }
  if (type !== "TemplateProcessing" || !Array.isArray(single)) return undefined;
  const ids = single.map((item) => (item.SpecialToken ? special_tokens?.[item.SpecialToken.id]?.ids : null));
  const place = ids.indexOf(null);
  if (place < 0 || ids.includes(undefined)) return undefined;
  return { before: ids.slice(0, place).flat() as number[], after: ids.slice(place + 1).flat() as number[] };
}
