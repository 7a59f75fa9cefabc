// A weight with low-rank adapters over it: y = W·x + s·B(A·x), whatever form W has. Only the pairs train.
import { assert, ConfigError } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import { dropout } from "../tensor/ops/dropout.js";
import { add, addScaled, concatLast, scale, zeros } from "../tensor/ops/elementwise.js";
import { type LinearOptions, matmul } from "../tensor/ops/linear.js";
import type { ExpertRows } from "../tensor/ops/moe.js";
import { gatherRows } from "../tensor/ops/rows.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Adapter, Adapters } from "./adapters.js";
import { loraScale, pairNames } from "./lora.js";
import type { ParameterSpec, StoredPart } from "./parameter-spec.js";
import type { StoredSegment, Weight, WeightMemory } from "./weight.js";

/** The pair of a part: A [r,K] and B [N,r], or of every expert [E,r,K] and [E,N,r]. */
interface Pair {
  readonly a: Weight;
  readonly b: Weight;
}

/** What an adapter adds to a weight, part after part along its rows. */
interface Addition {
  readonly scale: number;
  readonly parts: readonly { readonly rows: number; readonly pair: Pair | null }[];
}

/** Puts the adapters that change it over a weight; gives the weight itself where none does. */
export function adapt(base: Weight, spec: ParameterSpec, parts: readonly StoredPart[], adapters: Adapters): Weight {
  const columns = columnsOf(spec, parts);
  const additions = new Map<Adapter, Addition>();
  for (const { adapter, isAdapted } of adapters.of(spec, parts)) {
    if (!isAdapted.includes(true)) continue;
    const chosen = columns.map((column) => isWholeColumn(column, parts, isAdapted));
    additions.set(adapter, {
      scale: loraScale(adapter.lora),
      parts: columns.map((column, i) => ({
        rows: column[0].shape[0],
        pair: chosen[i] ? pairFor(adapter, spec, column) : null,
      })),
    });
  }
  return additions.size === 0 ? base : new AdaptedWeight(base, adapters, additions);
}

/** The parts along the rows of a matrix; for experts, each is the list of that part of every expert. */
function columnsOf({ shape }: ParameterSpec, parts: readonly StoredPart[]): StoredPart[][] {
  if (shape.length === 2) return parts.map((part) => [part]);
  const perExpert = parts.length / shape[0];
  return Array.from({ length: perExpert }, (_, c) => parts.filter((_part, i) => i % perExpert === c));
}

/** Throws ConfigError where some experts are adapted and others are not. */
function isWholeColumn(column: readonly StoredPart[], parts: readonly StoredPart[], isAdapted: readonly boolean[]) {
  const other = column.find((part) => !isAdapted[parts.indexOf(part)]);
  if (!other) return true;
  const chosen = column.find((part) => isAdapted[parts.indexOf(part)]);
  if (!chosen) return false;
  throw new ConfigError(
    `lora.targets: ${chosen.name} is adapted but ${other.name} is not: the experts of a layer are one matrix here; ` +
      "name all or none",
  );
}

/** Declares a pair: A uniform in ±1/√K (PEFT: kaiming_uniform with a = √5), B zero. */
function pairFor({ lora, parameters }: Adapter, spec: ParameterSpec, column: readonly StoredPart[]): Pair {
  const [{ name, shape }] = column;
  const [rows, width] = shape;
  const isExperts = spec.shape.length === 3;
  const of = (which: "a" | "b", own: readonly number[]) => ({
    name: isExperts ? pairNames(name.replace(/\.experts\.\d+\./, ".experts."))[which] : pairNames(name)[which],
    shape: isExperts ? [column.length, ...own] : own,
    parts: column.map((part) => ({ name: pairNames(part.name)[which], shape: own })),
  });
  return {
    a: parameters.matrix({ ...of("a", [lora.rank, width]), init: { uniform: width ** -0.5 } }),
    b: parameters.matrix({ ...of("b", [rows, lora.rank]), init: { constant: 0 } }),
  };
}

/** A weight and what adapters add to its products. */
class AdaptedWeight implements Weight {
  readonly trained = null;

  constructor(
    private readonly base: Weight,
    private readonly adapters: Adapters,
    private readonly additions: ReadonlyMap<Adapter, Addition>,
  ) {}

  get name(): string {
    return this.base.name;
  }
  get shape(): readonly number[] {
    return this.base.shape;
  }
  get master(): Parameter | null {
    return this.base.master;
  }
  get dtypes(): readonly DType[] {
    return this.base.dtypes;
  }

  multiply(x: Tensor, options: LinearOptions = {}): Tensor {
    const y = this.base.multiply(x, options);
    return this.adapters.perRows([x, y] as const, ([rows, product]) => this.added(rows, product));
  }

  /** y, plus what the adapter in use adds to it for x. */
  private added(x: Tensor, y: Tensor): Tensor {
    const addition = this.addition();
    if (!addition) return y;
    const low = ({ a }: Pair) => scale(a.multiply(this.dropped(x, a)), addition.scale);
    const [{ pair: only }, ...others] = addition.parts;
    if (only && others.length === 0) return only.b.multiply(low(only), { residual: y, dtype: y.dtype });
    return this.sum(y, addition, x, (pair) => pair.b.multiply(low(pair)));
  }

  multiplyExperts(x: Tensor, rows: ExpertRows): Tensor {
    const y = this.base.multiplyExperts(x, rows);
    const addition = this.addition();
    if (!addition) return y;
    const { offsets } = rows;
    return this.sum(y, addition, x, ({ a, b }) =>
      b.multiplyExperts(scale(this.lowOfExperts(x, a, rows), addition.scale), { offsets }),
    );
  }

  /** A·x of experts; with dropout, every expert's rows have their own mask. */
  private lowOfExperts(x: Tensor, a: Weight, rows: ExpertRows): Tensor {
    const { offsets, rowToken, tokenRow } = rows;
    if (!this.adapters.dropoutOf(a.name)) return a.multiplyExperts(x, rows);
    const own = rowToken ? gatherRows(x, rowToken, tokenRow) : x;
    return a.multiplyExperts(this.dropped(own, a), { offsets });
  }

  /** The input of a pair's A, in training with some of it dropped. */
  private dropped(x: Tensor, a: Weight): Tensor {
    const params = this.adapters.dropoutOf(a.name);
    return params ? dropout(x, params) : x;
  }

  lookUp(ids: Tensor): Tensor {
    return this.base.lookUp(ids);
  }

  /** W + s·B·A, summed in f32 and rounded once. */
  numbers(): Tensor {
    const numbers = this.base.numbers();
    const addition = this.addition();
    if (!addition) return numbers;
    const [{ pair }, ...others] = addition.parts;
    assert(pair && others.length === 0, () => `${this.name}: the numbers of several parts are not joined`);
    const product = matmul(pair.b.numbers(), pair.a.numbers(), { dtype: "f32" });
    return addScaled(numbers, product, 1, addition.scale);
  }

  held(): StoredSegment {
    assert(!this.addition(), () => `${this.name}: adapted weights are not held as one matrix`);
    return this.base.held();
  }

  /** The base's alone: the pairs are counted with their adapter. */
  memory(): WeightMemory {
    return this.base.memory();
  }

  copyFrom(source: Weight): void {
    this.base.copyFrom(source instanceof AdaptedWeight ? source.base : source);
  }

  dropPacked(): void {
    this.base.dropPacked();
  }

  dispose(): void {
    this.base.dispose();
  }

  private addition(): Addition | undefined {
    const { current } = this.adapters;
    return current ? this.additions.get(current) : undefined;
  }

  /** y plus the parts' products side by side; a part without a pair adds nothing. */
  private sum(y: Tensor, { parts }: Addition, { dtype, device }: Tensor, of: (pair: Pair) => Tensor): Tensor {
    const each = parts.map(({ rows, pair }) => (pair ? of(pair) : zeros([y.shape[0], rows], dtype, device)));
    return add(
      y,
      each.reduce((joined, next) => concatLast(joined, next)),
    );
  }
}
