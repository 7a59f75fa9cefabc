// Reads stored weights as f32 numbers, some rows at a time, so that no tensor need be in memory whole. FP8 weights come
// with their block scales applied. Knows types, not names.
import { type FileHandle, open } from "node:fs/promises";
import { CheckpointError } from "../errors.js";
import { scaleBlock } from "../tensor/block-formats.js";
import { readExactly } from "./file-reader.js";
import { blockLayout, type FilePlacement, type HostTensor, type TensorInfo, type TensorSource } from "./host-tensor.js";
import { decodeNumbers } from "./numbers.js";

/** Suffix of the tensor that holds an FP8 weight's scales, which are multiplied on. */
export const FP8_SCALES_SUFFIX = "_scale_inv";

/** Numbers of a part, about: few enough that memory and caches are used again and again. */
export const CHUNK_NUMBERS = 1 << 18;
/** Bytes of a part that goes over as it is. */
const PART_BYTES = 1 << 24;

/** Some consecutive rows of a tensor. */
export interface Rows {
  readonly firstRow: number;
  readonly values: Float32Array;
}

/** Reads the tensors of one source. Close it after use; the source stays open. */
export class WeightReader {
  private readonly handles = new Map<string, FileHandle>();

  constructor(private readonly source: TensorSource) {}

  info(name: string): TensorInfo {
    return this.source.info(name);
  }

  /** All numbers of a tensor, or undefined when there is none of that name. */
  async whole(name: string): Promise<Float32Array> {
    const { shape } = this.info(name);
    const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
    for await (const rows of this.rows(name)) values.set(rows.values, rows.firstRow * (shape.at(-1) ?? 1));
    return values;
  }

  /** A tensor's bytes as stored, in parts. */
  async *bytes(name: string): AsyncGenerator<Uint8Array> {
    const placement = this.source.placement(name);
    if (!placement) yield (await this.source.read(name)).data;
    else
      for (let start = 0; start < placement.sizeBytes; start += PART_BYTES)
        yield this.part(placement, start, Math.min(PART_BYTES, placement.sizeBytes - start));
  }

  /** A tensor's numbers, in parts of whole rows; all parts but the last have a multiple of 128 rows. */
  async *rows(name: string): AsyncGenerator<Rows> {
    const { dtype, shape } = this.info(name);
    const rowNumbers = shape.at(-1) ?? 1;
    const numRows = shape.slice(0, -1).reduce((product, dim) => product * dim, 1);
    const scales = dtype === "e4m3" ? await this.scalesOf(name, shape) : undefined;
    const placement = this.source.placement(name);
    const whole = placement ? undefined : await this.source.read(name);
    const { blockSize, blockBytes } = blockLayout(dtype);
    const rowBytes = (rowNumbers / blockSize) * blockBytes;
    const step = Math.max(1, Math.floor(CHUNK_NUMBERS / rowNumbers / scaleBlock)) * scaleBlock;
    for (let firstRow = 0; firstRow < numRows; firstRow += step) {
      const count = Math.min(step, numRows - firstRow);
      const data = whole
        ? whole.data.slice(firstRow * rowBytes, (firstRow + count) * rowBytes)
        : await this.part(placement!, firstRow * rowBytes, count * rowBytes);
      const values = decodeNumbers({ dtype, shape: [count, rowNumbers], data });
      if (scales) applyScales(values, firstRow, rowNumbers, scales);
      yield { firstRow, values };
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.handles.values()].map((handle) => handle.close()));
    this.handles.clear();
  }

  private async part({ path, byteOffset }: FilePlacement, start: number, length: number): Promise<Uint8Array> {
    let handle = this.handles.get(path);
    if (!handle) {
      handle = await open(path, "r");
      this.handles.set(path, handle);
    }
    return readExactly(handle, byteOffset + start, length, path);
  }

  private async scalesOf(name: string, shape: readonly number[]): Promise<HostTensor> {
    const scalesName = name + FP8_SCALES_SUFFIX;
    const expected = shape.map((dim) => Math.ceil(dim / scaleBlock));
    if (!this.source.has(scalesName))
      throw new CheckpointError(
        `tensor ${name} is stored as e4m3, but its scales ${scalesName} [${expected}] are missing`,
      );
    const scales = await this.source.read(scalesName);
    if (scales.shape.join() !== expected.join())
      throw new CheckpointError(`tensor ${scalesName} is [${scales.shape}], expected [${expected}]`);
    return scales;
  }
}

function applyScales(
  values: Float32Array,
  firstRow: number,
  rowNumbers: number,
  { dtype, shape, data }: HostTensor,
): void {
  const scales = decodeNumbers({ dtype, shape, data });
  const perRow = Math.ceil(rowNumbers / scaleBlock);
  for (let at = 0, row = firstRow; at < values.length; at += rowNumbers, row++) {
    const base = Math.floor(row / scaleBlock) * perRow;
    for (let k = 0; k < rowNumbers; k++) values[at + k] *= scales[base + Math.floor(k / scaleBlock)];
  }
}
