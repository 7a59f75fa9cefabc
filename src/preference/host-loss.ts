// Learning by a loss that is worked out on the host: the forward pass gives a few numbers, their slopes go back.
import type { LanguageModel } from "../models/language-model.js";
import { keep, scope, tensor } from "../tensor/engine.js";
import { noGrad, Tape } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";

/** The numbers that `forward` gives, without gradients. */
export async function measureNumbers(forward: () => Tensor): Promise<Float32Array> {
  const output = keep(scope(() => noGrad(forward)));
  try {
    return (await output.data()) as Float32Array;
  } finally {
    output.dispose();
  }
}

/** As `measureNumbers`, and adds the gradients of a loss whose slopes for the numbers are `slopesOf` them. */
export async function learnNumbers(
  { device }: LanguageModel,
  forward: () => Tensor,
  slopesOf: (numbers: Float32Array) => readonly number[],
): Promise<Float32Array> {
  const tape = new Tape();
  const output = keep(scope(() => tape.record(forward)));
  try {
    const numbers = (await output.data()) as Float32Array;
    scope(() => tape.backward([{ value: output, grad: tensor(slopesOf(numbers), output.shape, "f32", device) }]));
    return numbers;
  } finally {
    tape.dispose();
    output.dispose();
  }
}
