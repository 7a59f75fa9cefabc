// What a GGUF file says of itself, whatever model it holds: for files that cannot be run, and why they cannot. Reads
// the header alone.
import { LucioleError } from "../errors.js";
import { ggufTokenizer } from "../tokenizer/gguf-tokenizer.js";
import { type FileSystem, machineFileSystem } from "./file-system.js";
import { type GgufFile, openGguf } from "./gguf.js";
import type { GgufTensor } from "./gguf-header.js";
import type { GgufMetadata } from "./gguf-metadata.js";
import { openGgufModel } from "./gguf-model.js";
import { MATRIX_TYPES } from "./gguf-types.js";

/** A GGUF file at a glance. What the file does not say is absent. */
export interface GgufDescription {
  readonly architecture?: string;
  readonly name?: string;
  readonly layers?: number;
  readonly hiddenSize?: number;
  readonly attentionHeads?: number;
  readonly vocabulary?: number;
  readonly maxContext?: number;
  /** Model and pre-tokeniser. */
  readonly tokenizer?: string;
  readonly parameters: number;
  readonly stored: {
    readonly tensors: number;
    readonly bytes: number;
    readonly dtypes: Readonly<Record<string, number>>;
  };
  readonly tensors: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[];
  /** Everything that keeps it from being run here, one line each; empty where nothing does. */
  readonly problems: readonly string[];
}

/** Describes a file. Throws CheckpointError where its header is damaged. */
export async function describeGguf(path: string, fs: FileSystem = machineFileSystem): Promise<GgufDescription> {
  const file = await openGguf(path, fs);
  try {
    const all = [...file.tensors.values()];
    return {
      ...modelFacts(file.facts),
      parameters: all.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0),
      stored: storedFacts(all),
      tensors: all.map(({ name, type, shape }) => ({ name, dtype: type.name, shape })),
      problems: await problemsOf(file, fs),
    };
  } finally {
    await file.close();
  }
}

/** What files of every architecture have under the same names. */
function modelFacts(facts: GgufMetadata) {
  const architecture = quietly(() => facts.text("general.architecture"));
  const count = (key: string) => quietly(() => facts.count(`${architecture}.${key}`));
  const [model, pre] = ["model", "pre"].map((key) => quietly(() => facts.text(`tokenizer.ggml.${key}`)));
  return {
    architecture,
    name: quietly(() => facts.text("general.name")),
    layers: count("block_count"),
    hiddenSize: count("embedding_length"),
    attentionHeads: count("attention.head_count"),
    vocabulary: quietly(() => facts.texts("tokenizer.ggml.tokens")?.length) ?? count("vocab_size"),
    maxContext: count("context_length"),
    tokenizer: model === undefined ? undefined : `${model}${pre === undefined ? "" : `, pre-tokeniser ${pre}`}`,
  };
}

function storedFacts(tensors: readonly GgufTensor[]): GgufDescription["stored"] {
  const dtypes: Record<string, number> = {};
  for (const { type } of tensors) dtypes[type.name] = (dtypes[type.name] ?? 0) + 1;
  return { tensors: tensors.length, bytes: tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), dtypes };
}

/** A model's refusal names the types of its tensors; of other architectures they are told apart. */
async function problemsOf(file: GgufFile, fs: FileSystem): Promise<string[]> {
  const withoutPath = (text: string) => text.replace(`${file.path}: `, "");
  const model = await refusal(async () => (await openGgufModel(file.path, fs)).close());
  const types = model && !/stored as/.test(model) ? unknownTypes([...file.tensors.values()]) : [];
  const tokenizer = await refusal(async () => ggufTokenizer(file.facts, file.path));
  return [...(model ? [model] : []), ...types, ...(tokenizer ? [tokenizer] : [])].map(withoutPath);
}

function unknownTypes(tensors: readonly GgufTensor[]): string[] {
  const counts = new Map<string, number>();
  for (const { type } of tensors)
    if (!MATRIX_TYPES.includes(type.dtype)) counts.set(type.name, (counts.get(type.name) ?? 0) + 1);
  return [...counts].map(
    ([name, count]) =>
      `${count} ${count === 1 ? "tensor is" : "tensors are"} stored as ${name}, which is not supported`,
  );
}

async function refusal(body: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await body();
    return undefined;
  } catch (error) {
    if (error instanceof LucioleError) return error.message;
    throw error;
  }
}

/** A value of a wrong type is as good as none here. */
function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof LucioleError) return undefined;
    throw error;
  }
}
