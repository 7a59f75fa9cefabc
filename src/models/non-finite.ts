// Finds where numbers stop being finite in a model: a weight with NaN or an infinity, by name, else the layer. For
// messages: nothing calls it while all is well.
import { TrainingError } from "../errors.js";
import { type ParameterSpec, partsOf } from "../nn/parameter-spec.js";
import type { ParameterSet } from "../nn/parameters.js";
import { keep, scopeAsync, tensor } from "../tensor/engine.js";
import { cast, scale } from "../tensor/ops/elementwise.js";
import { moeDispatch } from "../tensor/ops/moe.js";
import { sumSquares } from "../tensor/ops/reduce.js";
import { noGrad } from "../tensor/tape.js";
import { numElements, type Tensor } from "../tensor/tensor.js";
import type { LanguageModel } from "./language-model.js";

/**
 * The name, as in files, of the first weight that holds NaN or an infinity; null where all are finite. Reads every
 * weight once.
 */
export async function nonFiniteWeight(parameters: ParameterSet): Promise<string | null> {
  for (const spec of parameters.specs) {
    const row = (await rowSums(parameters, spec)).findIndex((sum) => !Number.isFinite(sum));
    if (row < 0) continue;
    const width = spec.shape.length === 1 ? 1 : (spec.shape.at(-1) as number);
    return partAt(spec, row * width);
  }
  return null;
}

/**
 * Throws a TrainingError that names the first weight with NaN or an infinity, if there is one: then no setting mends
 * the run.
 */
export async function refuseNonFiniteWeight({ parameters }: LanguageModel, when: string): Promise<void> {
  const weight = await nonFiniteWeight(parameters);
  if (weight)
    throw new TrainingError(
      `${when}: weight ${weight} contains NaN or infinity: start from an intact checkpoint or model`,
    );
}

/** What rows are summed with: small enough that no finite row overflows. */
const FACTOR = 2 ** -32;

/**
 * The sum of each row of a parameter (of a vector its numbers): finite where the row is. Products read any storage
 * type.
 */
function rowSums(parameters: ParameterSet, spec: ParameterSpec): Promise<Float32Array> {
  const weight = parameters.get(spec.name);
  const { device } = parameters;
  const width = spec.shape.at(-1) as number;
  const factors = (rows: number) => tensor(new Float32Array(rows * width).fill(FACTOR), [rows, width], "f32", device);
  return scopeAsync(async () => {
    const sums = noGrad((): Tensor => {
      if (spec.shape.length === 1) return cast(weight.numbers(), "f32");
      if (spec.shape.length === 2) return weight.multiply(factors(1));
      const [experts] = spec.shape;
      const each = tensor(
        Int32Array.from({ length: experts }, (_, e) => e),
        [experts, 1],
        "i32",
        device,
      );
      return weight.multiplyExperts(factors(experts), moeDispatch(each, experts, null));
    });
    return (await sums.data()) as Float32Array;
  });
}

/** The stored tensor that holds an element of a parameter. */
function partAt(spec: ParameterSpec, element: number): string {
  let end = 0;
  const part = partsOf(spec).find(({ shape }) => element < (end += numElements(shape)));
  return (part ?? spec).name;
}

/** Notes, state after state, whether all numbers are finite. */
export class FiniteWatch {
  private readonly notes: { readonly name: string; readonly flag: Tensor }[] = [];

  /** Called with each state as it is computed. */
  note(name: string, state: Tensor): void {
    // 0 · x is 0 for every number and NaN for all else.
    this.notes.push({ name, flag: keep(sumSquares([scale(cast(state, "f32"), 0)])) });
  }

  /** The name of the first state with NaN or an infinity, or null; frees what was noted. */
  async first(): Promise<string | null> {
    try {
      for (const { name, flag } of this.notes) if (!((await flag.item()) === 0)) return name;
      return null;
    } finally {
      for (const { flag } of this.notes.splice(0)) flag.dispose();
    }
  }
}
