// The named parameters of a model: creation, seeded init, bf16 copies for compute, weights frozen in storage types, and
// how they split into files. Knows nothing of architectures.
import { assert } from "../errors.js";
import { Random } from "../random.js";
import { type Device, defaultDevice } from "../tensor/device.js";
import {
  alias,
  dispatch,
  empty,
  fromBytes,
  isRecording,
  keep,
  placeholder,
  scope,
  scopeAsync,
  tensor,
  writeTensor,
} from "../tensor/engine.js";
import { cast, castOp } from "../tensor/ops/elementwise.js";
import { packWeights } from "../tensor/packing.js";
import { Parameter } from "../tensor/parameter.js";
import { numElements, type Tensor } from "../tensor/tensor.js";

/** Initial values: normal with a standard deviation, or a constant. */
export type Init = { readonly std: number } | { readonly constant: number };

/** A part of a parameter as files know it: parts are stacked along the first dimension, in order. */
export interface StoredPart {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * How a frozen parameter is held. `packed`: in its storage type, laid out for products. `rows`: in its storage type,
 * row after row, only looked up. `compute`: decoded to the compute type. `f32`: decoded.
 */
export type FrozenForm = "packed" | "rows" | "compute" | "f32";

/** What a parameter is made of. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Init;
  /** Stored tensors (Hugging Face names) stacked to make this one; default: itself. */
  readonly parts?: readonly StoredPart[];
  /** Kept in f32 for compute even when training in bf16 (norms, router). */
  readonly alwaysF32?: boolean;
  /** The form it takes when weights are frozen; default: `f32` for what is always f32 or a buffer, else `packed`. */
  readonly frozen?: FrozenForm;
  /** Not trained by gradients (router bias): still saved. */
  readonly isBuffer?: boolean;
}

/** Precision of the matrix products: f32, or bf16 operands with f32 sums and f32 master weights. */
export type ComputeType = "f32" | "bf16";

/** All parameters (trained) and buffers (not) of one model. */
export class ParameterSet {
  readonly specs: ParameterSpec[] = [];
  private readonly byName = new Map<string, Parameter>();
  private packUsers = 0;

  constructor(
    readonly compute: ComputeType,
    private readonly seed: number | null,
    /** For inference: no initial values, no gradients, no second copies; the numbers arrive by `store` or `write`. */
    readonly isFrozen = false,
    readonly device: Device = defaultDevice(),
  ) {}

  /**
   * Declares and initialises a parameter. Its numbers depend on the seed and its name alone; a null seed leaves them
   * undefined.
   */
  add(spec: ParameterSpec): Parameter {
    assert(!this.byName.has(spec.name), `parameter ${spec.name} declared twice`);
    const parameter = scope(() => new Parameter(this.isFrozen ? this.unfilled(spec) : this.initial(spec), spec.name));
    if (spec.isBuffer || this.isFrozen) {
      parameter.requiresGrad = false;
      parameter.sink = null;
    }
    this.specs.push(spec);
    this.byName.set(spec.name, parameter);
    if (this.hasShadow(spec)) parameter.attachShadow(keep(cast(parameter, "bf16")));
    return parameter;
  }

  /**
   * The bias of a weight [rows, columns]: zeros at first, under the weight's names with `bias` in place of `weight`.
   */
  addBias({ name, shape, parts }: ParameterSpec): Parameter {
    const renamed = (of: string) => of.replace(/weight$/, "bias");
    const biases = parts?.map((part) => ({ name: renamed(part.name), shape: [part.shape[0]] }));
    return this.add({ name: renamed(name), shape: [shape[0]], init: { constant: 0 }, alwaysF32: true, parts: biases });
  }

  get(name: string): Parameter {
    const parameter = this.byName.get(name);
    assert(parameter, `no parameter ${name}`);
    return parameter;
  }

  /** Trained parameters in declaration order. */
  trained(): Parameter[] {
    return this.specs.filter((s) => !s.isBuffer).map((s) => this.get(s.name));
  }

  /**
   * Shapes [rows, columns] of the matrices that a parameter is stacked of, in order: its stored parts. Empty for
   * vectors.
   */
  matricesOf({ name }: Parameter): (readonly [number, number])[] {
    const spec = this.specs.find((each) => each.name === name);
    assert(spec, `no parameter ${name}`);
    return partsOf(spec).flatMap(({ shape }) => (shape.length === 2 ? [[shape[0], shape[1]] as const] : []));
  }

  /** Number of trained numbers. */
  get numTrained(): number {
    return this.trained().reduce((n, p) => n + p.size, 0);
  }

  /** Every stored tensor's name and shape, in order; of one parameter where it is given. */
  storedParts(only?: ParameterSpec): { spec: ParameterSpec; part: StoredPart; elementOffset: number }[] {
    return (only ? [only] : this.specs).flatMap((spec) => {
      let elementOffset = 0;
      return partsOf(spec).map((part) => {
        const entry = { spec, part, elementOffset };
        elementOffset += numElements(part.shape);
        return entry;
      });
    });
  }

  /** As `read` with the parameters themselves, but the bytes are read in pieces when they are asked for. */
  readLater(): Map<string, { shape: readonly number[]; data: () => AsyncIterable<Uint8Array> }> {
    const entries = this.storedParts().map(({ spec, part, elementOffset }) => {
      const data = () => this.get(spec.name).pieces(4 * elementOffset, 4 * numElements(part.shape));
      return [part.name, { shape: part.shape, data }] as const;
    });
    return new Map(entries);
  }

  /** The f32 bytes of every stored tensor; `of` picks the parameter itself or, say, its gradient (null: left out). */
  async read(
    of: (p: Parameter) => Tensor | null = (p) => p,
  ): Promise<Map<string, { shape: readonly number[]; data: Uint8Array }>> {
    const result = new Map<string, { shape: readonly number[]; data: Uint8Array }>();
    for (const { spec, part, elementOffset } of this.storedParts()) {
      const source = of(this.get(spec.name));
      if (!source) continue;
      const data = await scopeAsync(() => alias(source, part.shape, elementOffset).bytes());
      result.set(part.name, { shape: part.shape, data });
    }
    return result;
  }

  /** Overwrites the stored tensor `part` of its parameter with f32 bytes, and refreshes the bf16 copy. */
  write(name: string, elementOffset: number, shape: readonly number[], bytes: Uint8Array): void {
    scope(() => writeTensor(alias(this.get(name), shape, elementOffset), bytes));
  }

  /** Brings every bf16 copy up to date after parameters were written from outside. */
  refreshShadows(): void {
    for (const p of this.byName.values()) if (p.shadow) dispatch(castOp, [p], { dtype: "bf16" }, [p.shadow]);
  }

  /**
   * Runs `body` with weights packed for the device's products, each at its first use: for decoding, which multiplies
   * the same weights with few rows again and again. Results are the same to the bit. Parameters must not change
   * meanwhile.
   */
  async whilePacked<R>(body: () => Promise<R>): Promise<R> {
    this.packUsers++;
    for (const p of this.byName.values()) p.mayPack = true;
    try {
      return await body();
    } finally {
      if (--this.packUsers === 0) for (const p of this.byName.values()) p.unpack();
    }
  }

  clearGrads(): void {
    for (const p of this.byName.values()) p.clearGrad();
  }

  dispose(): void {
    for (const p of this.byName.values()) p.dispose();
    this.byName.clear();
  }

  private initial({ name, shape, init }: ParameterSpec): Tensor {
    if (this.seed === null) return empty(shape, "f32", this.device);
    const values = new Float32Array(numElements(shape));
    if ("std" in init) new Random(this.seed).fork(name).fillNormal(values, 0, init.std);
    else values.fill(init.constant);
    return tensor(values, shape, "f32", this.device);
  }

  private unfilled(spec: ParameterSpec): Tensor {
    const form = frozenForm(spec);
    if (form === "f32") return empty(spec.shape, "f32", this.device);
    return form === "compute"
      ? empty(spec.shape, this.compute, this.device)
      : placeholder(spec.shape, this.compute, this.device);
  }
  private hasShadow(spec: ParameterSpec): boolean {
    return !this.isFrozen && this.compute === "bf16" && !spec.alwaysF32 && !spec.isBuffer;
  }
}

/** The tensor to compute with: the bf16 copy where there is one. */
export const weight = (p: Parameter): Tensor => p.shadow ?? p;

/** The tensor to multiply with in `linear` and `groupedLinear`: a packed copy where `whilePacked` allows one. */
export function linearWeight(p: Parameter): Tensor {
  if (!p.mayPack || isRecording()) return weight(p);
  if (!p.packed) {
    const copy = packWeights(weight(p));
    if (copy) p.packed = keep(copy);
    else p.mayPack = false;
  }
  return p.packed ?? weight(p);
}

/** The form that a parameter takes when it is frozen. */
export const frozenForm = (spec: ParameterSpec): FrozenForm =>
  spec.frozen ?? (spec.alwaysF32 || spec.isBuffer ? "f32" : "packed");

/** The stored tensors a parameter is stacked of. */
export function partsOf(spec: ParameterSpec): readonly StoredPart[] {
  return spec.parts ?? [{ name: spec.name, shape: spec.shape }];
}

/** Constant device data (RoPE frequencies), outside every scope. */
export function constant(values: Float32Array, shape: readonly number[], device: Device): Tensor {
  return keep(fromBytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), shape, "f32", device));
}
