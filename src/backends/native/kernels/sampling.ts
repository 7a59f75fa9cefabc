// Glue: what happens to logits, to its native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { operandsOf } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const sample = operandsOf("sampleTokens");
const adjust = operandsOf("adjustLogits");
const mask = operandsOf("maskLogits");
const top = operandsOf("topLogProbs");

/** The kernels of sampling, bound to a loaded addon. */
export function samplingKernels(
  addon: NativeAddon,
): Pick<KernelTable, "sampleTokens" | "adjustLogits" | "maskLogits" | "topLogProbs"> {
  return {
    sampleTokens: ([logits, uniforms, settings], [ids, logp], { temperature, topK, topP, minP }) => {
      const { f32, i32 } = sample;
      const [rows, vocab] = logits!.shape;
      addon.sampleTokens(
        f32(logits),
        f32(uniforms),
        f32(settings),
        i32(ids),
        f32(logp),
        rows,
        vocab,
        temperature,
        topK,
        topP,
        minP,
      );
    },
    adjustLogits: ([logits, cu, ids, scales, offsets]) => {
      const { f32, i32 } = adjust;
      addon.adjustLogits(f32(logits), i32(cu), i32(ids), f32(scales), f32(offsets), logits!.shape[0], logits!.shape[1]);
    },
    maskLogits: ([logits, rows, masks]) => {
      const { f32, i32 } = mask;
      addon.maskLogits(f32(logits), i32(rows), i32(masks), rows!.shape[0], logits!.shape[1]);
    },
    topLogProbs: ([logits, rows, temperatures], [ids, logp], { k }) => {
      const { f32, i32 } = top;
      addon.topLogProbs(
        f32(logits),
        i32(rows),
        f32(temperatures),
        i32(ids),
        f32(logp),
        rows!.shape[0],
        logits!.shape[1],
        k,
      );
    },
  };
}
