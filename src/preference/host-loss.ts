// Learning by a loss that is worked out on the host: the forward pass gives a few numbers, their slopes go back.
import type { LanguageModel } from "../models/language-model.js";
import { keep, scope, tensor } from "../tensor/engine.js";
import { noGrad, Tape } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";

const read = async (outputs: readonly Tensor[]): Promise<Float32Array[]> =>
  Promise.all(outputs.map(async (output) => (await output.data()) as Float32Array));

/** The numbers that `forward` gives, one array for each of its tensors, without gradients. */
export async function measureNumbers(forward: () => readonly Tensor[]): Promise<Float32Array[]> {
  const outputs = keep(scope(() => noGrad(forward)));
  try {
    return await read(outputs);
  } finally {
    for (const output of outputs) output.dispose();
  }
}

/** As `measureNumbers`, and adds the gradients of a loss whose slopes for the first array's numbers are `slopesOf` it. */
export async function learnNumbers(
  { device }: LanguageModel,
  forward: () => readonly Tensor[],
  slopesOf: (numbers: Float32Array) => readonly number[],
): Promise<Float32Array[]> {
  const tape = new Tape();
  const outputs = keep(scope(() => tape.record(forward)));
  try {
    const numbers = await read(outputs);
    const [value] = outputs;
    scope(() => tape.backward([{ value, grad: tensor(slopesOf(numbers[0]), value.shape, "f32", device) }]));
    return numbers;
  } finally {
    tape.dispose();
    for (const output of outputs) output.dispose();
  }
}
