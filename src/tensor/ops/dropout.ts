// Dropout (Srivastava et al. 2014): a mask that follows from a key and the place of each number alone.
import { threefry2x32 } from "../../random.js";
import { dispatch } from "../engine.js";
import type { OpSpec } from "../op.js";
import { numElements, type Tensor } from "../tensor.js";
import { streamCost } from "./elementwise.js";

/** Which numbers are dropped. */
export interface DropoutParams {
  /** Share that becomes zero, at least 0 and below 1. */
  rate: number;
  /** The key of the mask, two words of 32 bits. */
  key0: number;
  key1: number;
}

/** Words below it drop their numbers. */
export const dropoutThreshold = (rate: number): number => Math.floor(rate * 2 ** 32);
/** What kept numbers are multiplied by, so that their mean stays. */
export const dropoutScale = (rate: number): number => Math.fround(1 / (1 - rate));

/** Flops of a word of Threefry, roughly. */
const WORD_FLOPS = 100;

/** y_i = x_i/(1 − rate), or 0 where the first word of Threefry at counter i is below rate·2³². Its own gradient. */
export const dropoutOp: OpSpec<DropoutParams> = {
  name: "dropout",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  reference: ([x], [y], { rate, key0, key1 }) => {
    const [threshold, factor, words] = [dropoutThreshold(rate), dropoutScale(rate), new Int32Array(2)];
    for (let i = 0; i < numElements(y.shape); i++) {
      threefry2x32(key0, key1, i | 0, Math.floor(i / 2 ** 32), words);
      y.data[i] = words[0] >>> 0 < threshold ? 0 : factor * x!.data[i];
    }
  },
  cost: (i, o) => streamCost(WORD_FLOPS, i, o),
  vjp: (c, [dy]) => [dy && dropout(dy, c.params)],
};

/** See `dropoutOp`. */
export const dropout = (x: Tensor, params: DropoutParams): Tensor => dispatch(dropoutOp, [x], params)[0];
