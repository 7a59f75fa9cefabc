// The named weights of a model: creation in their forms, seeded initial values, and how they split into files. Knows
// nothing of architectures.
import { assert } from "../errors.js";
import { Random } from "../random.js";
import { type Device, defaultDevice } from "../tensor/device.js";
import type { ComputeType } from "../tensor/dtype.js";
import { alias, empty, fromBytes, keep, scope, scopeAsync, tensor, writeTensor } from "../tensor/engine.js";
import { cast } from "../tensor/ops/elementwise.js";
import { Parameter } from "../tensor/parameter.js";
import { numElements, type Tensor } from "../tensor/tensor.js";
import { adapt } from "./adapted-weight.js";
import { Adapters } from "./adapters.js";
import type { AdapterSpec } from "./lora.js";
import { isStored, type ParameterSpec, partsOf, type StoredPart, useOf } from "./parameter-spec.js";
import { PlainWeight } from "./plain-weight.js";
import { StoredWeight } from "./stored-weight.js";
import { TrainChoice, type Trains } from "./trains.js";
import type { Weight, WeightMemory } from "./weight.js";

/** How the weights of a model are made. */
export interface ParameterSetOptions {
  /** Precision of the matrix products. */
  readonly compute: ComputeType;
  /**
   * Seed of the initial values. null: there are none; weights that train then wait for `write`, others for the numbers
   * that files store (models/stored-weights.ts), of which they keep the types.
   */
  readonly seed: number | null;
  /** Default: all. */
  readonly trains?: Trains;
  /** Default: the default device. */
  readonly device?: Device;
  /** Low-rank adapters over the matrices; the first is in use. Default: none. */
  readonly adapters?: readonly AdapterSpec[];
}

/** All weights and buffers of one model. */
export class ParameterSet {
  readonly specs: ParameterSpec[] = [];
  readonly compute: ComputeType;
  readonly device: Device;
  private readonly byName = new Map<string, Weight>();
  private readonly seed: number | null;
  /** Which weights train, as it was given. */
  readonly trains: Trains;
  private readonly choice: TrainChoice;
  /** What adapters add to the products of these weights; their own numbers are in sets of their own. */
  readonly adapters: Adapters<ParameterSet>;
  private readonly stillness = { users: 0, isStill: false };
  private readonly leftOut: ((storedName: string) => boolean)[] = [];

  constructor({ compute, seed, trains = "all", device = defaultDevice(), adapters = [] }: ParameterSetOptions) {
    this.compute = compute;
    this.seed = seed;
    this.trains = trains;
    this.choice = new TrainChoice(trains);
    this.device = device;
    this.adapters = new Adapters(
      adapters.map(({ name, lora, seed: own }) => ({
        name,
        lora,
        seed: own,
        parameters: new ParameterSet({ compute, seed: own, device }),
      })),
    );
  }

  /**
   * Declares a vector, a router or a buffer: an f32 tensor that ops take as it is. Initial values depend on the seed
   * and the name alone.
   */
  add(spec: ParameterSpec): Parameter {
    assert(useOf(spec) === "f32", () => `parameter ${spec.name} is a matrix`);
    return this.addPlain(spec).parameter;
  }

  /** Declares a matrix [N,K] or matrices of experts [E,N,K], in the form that fits, with the adapters over it. */
  matrix(spec: ParameterSpec): Weight {
    const base = this.baseMatrix(spec);
    return this.adapters.all.length === 0 ? base : adapt(base, spec, partsOf(spec), this.adapters);
  }

  private baseMatrix(spec: ParameterSpec): Weight {
    const waits = this.seed === null && !this.choice.of(partsOf(spec).map(({ name }) => name));
    return waits && isStored(useOf(spec))
      ? this.keepWeight(spec, new StoredWeight(spec.name, spec.shape))
      : this.addPlain(spec);
  }

  /**
   * The bias of a weight [rows, columns]: zeros at first, under the weight's names with `bias` in place of `weight`.
   */
  addBias({ name, shape, parts }: ParameterSpec): Parameter {
    const renamed = (of: string) => of.replace(/weight$/, "bias");
    const biases = parts?.map((part) => ({ name: renamed(part.name), shape: [part.shape[0]] }));
    return this.add({ name: renamed(name), shape: [shape[0]], init: { constant: 0 }, alwaysF32: true, parts: biases });
  }

  /** Says which stored tensors of the model belong to other parts of it, which this set neither holds nor misses. */
  leaveOut(isElsewhere: (storedName: string) => boolean): void {
    this.leftOut.push(isElsewhere);
  }

  /** Whether another part of the model holds the stored tensor of that name. */
  isElsewhere(storedName: string): boolean {
    return this.leftOut.some((holds) => holds(storedName));
  }

  get(name: string): Weight {
    const weight = this.byName.get(name);
    assert(weight, `no parameter ${name}`);
    return weight;
  }

  /** The f32 tensor of a weight that has one. */
  master(name: string): Parameter {
    const { master } = this.get(name);
    assert(master, `${name} is not held in f32`);
    return master;
  }

  /** Whether anything trains. */
  get trainsAny(): boolean {
    return this.specs.some(({ name }) => this.get(name).trained);
  }

  /** What trains, in declaration order. */
  trained(): Parameter[] {
    return this.specs.flatMap(({ name }) => this.get(name).trained ?? []);
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

  /** Numbers that train. */
  get numTrained(): number {
    return this.trained().reduce((n, p) => n + p.size, 0);
  }

  /** Numbers of the model, frozen ones included; buffers do not count. */
  get numParameters(): number {
    return this.specs.reduce((n, { shape, isBuffer }) => (isBuffer ? n : n + numElements(shape)), 0);
  }

  /** Bytes of all weights by what they are for. */
  memory(): WeightMemory {
    const all = [...this.byName.values()].map((weight) => weight.memory());
    const sum = (part: keyof WeightMemory) => all.reduce((bytes, each) => bytes + each[part], 0);
    return { values: sum("values"), copies: sum("copies"), gradient: sum("gradient") };
  }

  /**
   * Throws ConfigError for a pattern of `trains` or of adapters that matched none of the weights declared. In a part of
   * a model, one may match what the others hold.
   */
  refuseUnusedPatterns(): void {
    if (this.leftOut.length > 0) return;
    this.choice.refuseUnused();
    this.adapters.refuseUnusedTargets();
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

  /**
   * The stored tensors of what is held in f32: what files are written from. Weights frozen in other types belong to the
   * files that they came from.
   */
  writtenParts(): { spec: ParameterSpec; part: StoredPart; elementOffset: number }[] {
    return this.storedParts().filter(({ spec }) => this.get(spec.name).master);
  }

  /** Stored tensors that no file is written with; see `writtenParts`. */
  get numUnwritten(): number {
    return this.storedParts().length - this.writtenParts().length;
  }

  /** As `read` with the masters, but the bytes are read in pieces when they are asked for. */
  readLater(): Map<string, { shape: readonly number[]; data: () => AsyncIterable<Uint8Array> }> {
    const entries = this.writtenParts().map(({ spec, part, elementOffset }) => {
      const data = () => this.master(spec.name).pieces(4 * elementOffset, 4 * numElements(part.shape));
      return [part.name, { shape: part.shape, data }] as const;
    });
    return new Map(entries);
  }

  /** The f32 bytes of every stored tensor; `of` picks the master or, say, its gradient (null: left out). */
  async read(
    of: (p: Parameter) => Tensor | null = (p) => p,
  ): Promise<Map<string, { shape: readonly number[]; data: Uint8Array }>> {
    const result = new Map<string, { shape: readonly number[]; data: Uint8Array }>();
    for (const { spec, part, elementOffset } of this.writtenParts()) {
      const source = of(this.master(spec.name));
      if (!source) continue;
      const data = await scopeAsync(() => alias(source, part.shape, elementOffset).bytes());
      result.set(part.name, { shape: part.shape, data });
    }
    return result;
  }

  /** Overwrites the stored tensor `part` of its weight with f32 bytes; `refreshCopies` then follows. */
  write(name: string, elementOffset: number, shape: readonly number[], bytes: Uint8Array): void {
    scope(() => writeTensor(alias(this.master(name), shape, elementOffset), bytes));
  }

  /** Takes over the numbers of a model of the same shapes and forms. */
  copyFrom(source: ParameterSet): void {
    for (const [name, weight] of this.byName) weight.copyFrom(source.get(name));
  }

  /** Brings every copy for compute up to date after weights were written from outside. */
  refreshCopies(): void {
    for (const weight of this.byName.values()) if (weight instanceof PlainWeight) weight.refreshCopy();
  }

  /**
   * Runs `body` while the numbers stand still, with weights packed for the device's products, each at its first use:
   * for decoding, which multiplies the same weights with few rows again and again. Results are the same to the bit.
   */
  async whilePacked<R>(body: () => Promise<R>): Promise<R> {
    const sets = [this, ...this.adapters.all.map(({ parameters }) => parameters)];
    for (const set of sets) set.beginStill();
    try {
      return await body();
    } finally {
      for (const set of sets) set.endStill();
    }
  }

  private beginStill(): void {
    this.stillness.users++;
    this.stillness.isStill = true;
  }

  private endStill(): void {
    const { stillness } = this;
    stillness.isStill = --stillness.users > 0;
    if (!stillness.isStill) for (const weight of this.byName.values()) weight.dropPacked();
  }

  clearGrads(): void {
    for (const { trained } of this.byName.values()) trained?.clearGrad();
  }

  dispose(): void {
    for (const { parameters } of this.adapters.all) parameters.dispose();
    for (const weight of this.byName.values()) weight.dispose();
    this.byName.clear();
  }

  private addPlain(spec: ParameterSpec): PlainWeight {
    const trains = !spec.isBuffer && this.choice.of(partsOf(spec).map(({ name }) => name));
    const parameter = scope(() => new Parameter(this.initial(spec, trains), spec.name, trains));
    const hasCopy = this.compute !== parameter.dtype && useOf(spec) !== "f32";
    if (hasCopy) parameter.attachComputeCopy(keep(cast(parameter, this.compute)));
    return this.keepWeight(spec, new PlainWeight(parameter, this.stillness));
  }

  private keepWeight<W extends Weight>(spec: ParameterSpec, weight: W): W {
    assert(!this.byName.has(spec.name), `parameter ${spec.name} declared twice`);
    this.specs.push(spec);
    this.byName.set(spec.name, weight);
    return weight;
  }

  private initial(spec: ParameterSpec, trains: boolean): Tensor {
    const { name, shape, init } = spec;
    if (this.seed === null)
      return empty(shape, !trains && useOf(spec) === "numbers" ? this.compute : "f32", this.device);
    const random = new Random(this.seed).fork(name);
    const [first, count] = [spec.firstNumber ?? 0, numElements(shape)];
    const values =
      "std" in init
        ? normals(random, first, count, init.std)
        : "uniform" in init
          ? uniforms(random, first, count, init.uniform)
          : new Float32Array(count).fill(init.constant);
    return tensor(values, shape, "f32", this.device);
  }
}

/** The numbers [first, first + count) of a stream of normals, which come in pairs. */
function normals(random: Random, first: number, count: number, std: number): Float32Array {
  const inPair = first % 2;
  const values = new Float32Array(inPair + count);
  random.skip(2 * (first - inPair));
  random.fillNormal(values, 0, std);
  return values.subarray(inPair);
}

/** The numbers [first, first + count) of a stream, uniform in ±bound. */
function uniforms(random: Random, first: number, count: number, bound: number): Float32Array {
  random.skip(2 * first);
  return Float32Array.from({ length: count }, () => bound * (2 * random.float() - 1));
}

/** Constant device data (RoPE frequencies), outside every scope. */
export function constant(values: Float32Array, shape: readonly number[], device: Device): Tensor {
  return keep(fromBytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), shape, "f32", device));
}
