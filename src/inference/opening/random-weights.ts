// Random weights of any size in a chosen storage type, made as fast as memory is filled: a tile of random blocks is
// read at varying places. Weights drawn so repeat each other; for speed, memory and finite logits that is no matter.

import { createShapesDevice } from "../../backends/shapes.js";
import type { HostDtype, TensorSource } from "../../checkpoint/index.js";
import { ConfigError, didYouMean } from "../../errors.js";
import { createModel } from "../../models/create.js";
import type { HfConfig } from "../../models/hf-config.js";
import type { WeightSource } from "../../models/stored-weights.js";
import { type ParameterSpec, partsOf } from "../../nn/parameter-spec.js";
import type { ParameterSet } from "../../nn/parameters.js";
import { fittingType } from "../../tensor/block-formats.js";
import { type Device, defaultDevice } from "../../tensor/device.js";
import { blockSizes, blockTypes, type DType, isBlockType, storageBytes, toBf16Bits } from "../../tensor/dtype.js";
import { bytesAs, copyBytes, empty, fromBytes, keep, scope } from "../../tensor/engine.js";
import { E4M3_STD, makeBlocks } from "../../tensor/random-blocks.js";
import { numElements, type Tensor } from "../../tensor/tensor.js";

/** Types that random weights come in. */
export const RANDOM_TYPES = [...blockTypes, "bf16"] as const;
/** A type of random weights. */
export type RandomType = (typeof RANDOM_TYPES)[number];

/** The type of that name. Throws ConfigError for another. */
export function randomType(name: string): RandomType {
  if ((RANDOM_TYPES as readonly string[]).includes(name)) return name as RandomType;
  throw new ConfigError(
    `no storage type "${name}" for random weights${didYouMean(name, RANDOM_TYPES)}; choose one of ` +
      `${RANDOM_TYPES.join(", ")}`,
  );
}

/** Standard deviation of the weights, as released models were initialised. */
const STD = 0.02;
const MAX_TILE_BYTES = 32 << 20;
const MIN_TILE_BYTES = 1 << 20;
const CHUNK_BYTES = 4 << 20;

/** The source of a model's weights. Its tiles are freed by `close`. */
export interface RandomWeights extends WeightSource {
  close(): void;
}

/** The same weights for what reads files: to be converted, say. Close it after use. */
export async function randomTensorSource(config: HfConfig, type: RandomType): Promise<TensorSource> {
  const weights = randomWeights(parametersOf(config), type);
  const info = (name: string) => {
    const { dtype, shape } = weights.info(name) as StoredInfo;
    return { dtype: dtype as HostDtype, shape, sizeBytes: storageBytes(dtype, numElements(shape)) };
  };
  return {
    names: [...weights.names],
    metadata: {},
    has: (name) => weights.info(name) !== undefined,
    info,
    placement: () => null,
    async read(name) {
      const opened = await weights.open(name);
      try {
        return { ...info(name), data: await opened.bytes() };
      } finally {
        opened.dispose();
      }
    },
    close: async () => weights.close(),
  };
}

/** Names and shapes of a model's stored tensors; no memory is taken. */
export function parametersOf(config: HfConfig): ParameterSet {
  return createModel(config, { seed: null, trains: "none", device: createShapesDevice() }).parameters;
}

/**
 * Matrices come in `type`, or in the nearest one whose blocks fit their rows; what released files keep wide stays wide:
 * with e4m3 embedding, head and eh_proj are bf16. Vectors and routers are f32.
 */
export function randomWeights(
  parameters: ParameterSet,
  type: RandomType,
  device: Device = defaultDevice(),
): RandomWeights {
  const infos = new Map(
    parameters.specs.flatMap((spec) =>
      partsOf(spec).flatMap((part) => storedTensors(spec, part.name, part.shape, type)),
    ),
  );
  const tileBytes = tileBytesFor(infos.values());
  const tiles = new Map<DType, Tensor>();
  const tileOf = (dtype: DType): Tensor => {
    let tile = tiles.get(dtype);
    if (!tile) tiles.set(dtype, (tile = keep(fromBytes(randomTile(dtype, tileBytes), [tileBytes], "u8", device))));
    return tile;
  };
  return {
    names: infos.keys(),
    info: (name) => infos.get(name),
    async open(name, isKept = false) {
      const { dtype, shape, constant } = infos.get(name) as StoredInfo;
      if (constant !== undefined)
        return keep(
          fromBytes(new Uint8Array(new Float32Array(numElements(shape)).fill(constant).buffer), shape, "f32", device),
        );
      return fromTile(tileOf(dtype), shape, dtype, hashOf(name), isKept);
    },
    done: () => {},
    close: () => {
      for (const tile of tiles.values()) tile.dispose();
      tiles.clear();
    },
  };
}

/** Bytes of a tile: twice the largest tensor, as far as that is not more than a tile of any model. */
function tileBytesFor(infos: Iterable<StoredInfo>): number {
  const largest = Math.max(...Array.from(infos, ({ dtype, shape }) => storageBytes(dtype, numElements(shape))));
  return Math.min(MAX_TILE_BYTES, Math.max(MIN_TILE_BYTES, 2 ** Math.ceil(Math.log2(2 * largest))));
}

interface StoredInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** All numbers alike (f32). */
  readonly constant?: number;
}

function storedTensors(
  spec: ParameterSpec,
  name: string,
  shape: readonly number[],
  type: RandomType,
): [string, StoredInfo][] {
  if (shape.length === 1)
    return [[name, { dtype: "f32", shape, constant: "constant" in spec.init ? spec.init.constant : 0 }]];
  if (spec.alwaysF32) return [[name, { dtype: "bf16", shape }]];
  const isWide = type === "e4m3" && /embed_tokens|lm_head|eh_proj/.test(name);
  const dtype = isWide ? "bf16" : (fittingType(type, shape[1]) ?? "bf16");
  const scales: [string, StoredInfo] = [
    `${name}_scale_inv`,
    { dtype: "f32", shape: shape.map((n) => Math.ceil(n / 128)), constant: STD / E4M3_STD },
  ];
  return dtype === "e4m3" ? [[name, { dtype, shape }], scales] : [[name, { dtype, shape }]];
}

/**
 * A tensor read from the tile at a place of its own, in no scope: a view of it where it is small enough and not kept
 * longer than the tile.
 */
function fromTile(tile: Tensor, shape: readonly number[], dtype: DType, draw: number, isKept: boolean): Tensor {
  const sizeBytes = storageBytes(dtype, numElements(shape));
  const unit = isBlockType(dtype) ? blockSizes[dtype].bytes * 32 : 64;
  const [tileBytes] = tile.shape;
  const place = (length: number, i: number) => ((i >>> 0) % (Math.floor((tileBytes - length) / unit) + 1)) * unit;
  const isSmall = sizeBytes <= tileBytes / 2;
  if (isSmall && !isKept) return keep(bytesAs(tile, place(sizeBytes, draw), shape, dtype));
  const whole = keep(empty(shape, dtype, tile.device));
  if (isSmall) {
    scope(() => copyBytes(bytesAs(tile, place(sizeBytes, draw), shape, dtype), whole, 0));
    return whole;
  }
  for (let at = 0, i = 0; at < sizeBytes; at += CHUNK_BYTES, i++) {
    // Chunks begin within a row, but at a block: their length is one of whole units.
    const length = Math.min(Math.floor(CHUNK_BYTES / unit) * unit, sizeBytes - at);
    const part = bytesAs(tile, place(length, Math.imul(draw + i, 0x9e3779b1)), [length], "u8");
    copyBytes(part, whole, at);
    part.dispose();
    if (length < CHUNK_BYTES) at -= CHUNK_BYTES - length;
  }
  return whole;
}

/** FNV-1a: a tensor's numbers depend on its name, its type and the size of the tile alone. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}

/**
 * A tile of random blocks of a storage type, from its first byte on: random bytes, then what blocks need to be numbers
 * of the wanted size.
 */
function randomTile(dtype: DType, tileBytes: number): Uint8Array {
  const words = new Uint32Array(tileBytes / 4);
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  const bytes = new Uint8Array(words.buffer);
  if (dtype === "bf16") makeBf16(new Uint16Array(words.buffer));
  else if (isBlockType(dtype)) makeBlocks(bytes, dtype, STD);
  return bytes;
}

/** Sign and fraction stay random; the exponent is that of the standard deviation or half of it. */
function makeBf16(halves: Uint16Array): void {
  const exponent = toBf16Bits(STD / 1.4) & 0x7f80;
  for (let i = 0; i < halves.length; i++) halves[i] = (halves[i] & 0x807f) | (exponent + ((halves[i] & 0x100) >> 1));
}
