// The adapters of a model, and which of them its products use: one for all rows, or for rows of a step each its own.
// Knows what an adapter holds, not what is computed with it.
import { assert } from "../errors.js";
import { Random } from "../random.js";
import { alias, copyBytes, empty, isRecording } from "../tensor/engine.js";
import type { DropoutParams } from "../tensor/ops/dropout.js";
import type { Tensor } from "../tensor/tensor.js";
import { type LoraConfig, TargetChoice } from "./lora.js";
import type { ParameterSpec, StoredPart } from "./parameter-spec.js";
import type { Weight } from "./weight.js";

/** Where the pairs of an adapter are declared. */
export interface PairSet {
  matrix(spec: ParameterSpec): Weight;
}

/** An adapter of one model: pairs for its matrices, in a set of their own. */
export interface Adapter<S extends PairSet = PairSet> {
  readonly name: string;
  readonly lora: LoraConfig;
  /** Of the initial values and of dropout. */
  readonly seed: number | null;
  /** A [r,K] and B [N,r] of every adapted part, under PEFT's names. All of it trains. */
  readonly parameters: S;
}

/** Rows of a step that follow one another and use one adapter. */
export interface AdapterRows {
  readonly firstRow: number;
  readonly numRows: number;
  /** Index among the adapters of the model; −1: the base alone; null: the one in use. */
  readonly adapter: number | null;
}

/** See the file's head. */
export class Adapters<S extends PairSet = PairSet> {
  /** The one in use for all rows; null: the base alone. */
  active: Adapter<S> | null;
  /** Which rows use which, where they differ; inside `usingRows` alone. */
  private mixed: readonly AdapterRows[] | null = null;
  /** What masks of dropout follow from, besides the seed; inside `dropping` alone. */
  private place: string | null = null;
  private readonly targets: readonly TargetChoice[];

  constructor(readonly all: readonly Adapter<S>[]) {
    this.active = all[0] ?? null;
    this.targets = all.map(({ lora }) => new TargetChoice(lora.targets));
  }

  /** Which of the parts of a matrix each adapter changes. */
  of(spec: ParameterSpec, parts: readonly StoredPart[]): { adapter: Adapter<S>; isAdapted: readonly boolean[] }[] {
    return this.all.map((adapter, i) => ({
      adapter,
      isAdapted: parts.map(({ name }) => this.targets[i].of(name, spec)),
    }));
  }

  /** Throws ConfigError for a target that no matrix has. */
  refuseUnusedTargets(): void {
    for (const each of this.targets) each.refuseUnused();
  }

  /** Whether rows differ in their adapters. */
  get isMixed(): boolean {
    return this.mixed !== null;
  }

  /** The one that all rows use; null: the base alone. */
  get current(): Adapter<S> | null {
    assert(!this.mixed, "rows of several adapters are computed as one");
    return this.active;
  }

  /** Runs `body` with one adapter for all rows, as `AdapterRows` names it. */
  using<R>(adapter: number | null, body: () => R): R {
    return this.during(adapter === null ? this.active : (this.all[adapter] ?? null), null, body);
  }

  /** Runs `body`, whose products have the rows that `parts` cover in order, each with its own adapter. */
  usingRows<R>(parts: readonly AdapterRows[], body: () => R): R {
    const [{ adapter }] = parts;
    const isMixed = parts.some((part) => part.adapter !== adapter);
    return isMixed ? this.during(null, parts, body) : this.using(adapter, body);
  }

  /**
   * `body` of rows of the inputs, for the rows of each adapter apart and with it in use, and the outputs joined; of all
   * rows at once where they use the same. The result of a row must depend on that row alone.
   */
  perRows<I extends readonly (Tensor | null)[]>(inputs: I, body: (inputs: I) => Tensor): Tensor {
    const { mixed } = this;
    if (!mixed) return body(inputs);
    assert(!isRecording(), "rows of several adapters are not trained");
    const outputs = mixed.map(({ firstRow, numRows, adapter }) =>
      this.using(adapter, () => body(inputs.map((input) => input && rowsOf(input, firstRow, numRows)) as unknown as I)),
    );
    return stackRows(outputs);
  }

  /**
   * Runs `body` with dropout, where adapters ask for it: masks follow from the adapter's seed, `place` (a step and its
   * part) and the pair.
   */
  async dropping<R>(place: string, body: () => Promise<R>): Promise<R> {
    this.place = place;
    try {
      return await body();
    } finally {
      this.place = null;
    }
  }

  /** The dropout of the input of a pair of the adapter in use; null for none. */
  dropoutOf(pair: string): DropoutParams | null {
    const { current, place } = this;
    const rate = current?.lora.dropout ?? 0;
    if (place === null || rate === 0) return null;
    const { key0, key1 } = new Random(current?.seed ?? 0).fork("dropout").fork(place).fork(pair).state();
    return { rate, key0, key1 };
  }

  private during<R>(active: Adapter<S> | null, mixed: readonly AdapterRows[] | null, body: () => R): R {
    const before = { active: this.active, mixed: this.mixed };
    Object.assign(this, { active, mixed });
    try {
      return body();
    } finally {
      Object.assign(this, before);
    }
  }
}

/** A window on rows of x. */
const rowsOf = (x: Tensor, first: number, count: number): Tensor => {
  const rest = x.shape.slice(1);
  return alias(x, [count, ...rest], first * rest.reduce((n, size) => n * size, 1));
};

/** Rows of several tensors of one type, one after another. */
export function stackRows(parts: readonly Tensor[]): Tensor {
  if (parts.length === 1) return parts[0];
  const [{ shape, dtype, device }] = parts;
  const all = empty([parts.reduce((n, part) => n + part.shape[0], 0), ...shape.slice(1)], dtype, device);
  let at = 0;
  for (const part of parts) {
    copyBytes(part, all, at);
    at += part.sizeBytes;
  }
  return all;
}
