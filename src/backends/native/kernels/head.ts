// Glue: the output head to native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { addressOf, operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const { f32, i32, float } = operandsOf("headLogProb");
const loss = operandsOf("headCrossEntropy");
const divergence = operandsOf("headDivergence");

/** The kernels of the output head, bound to a loaded addon. */
export function headKernels(
  addon: NativeAddon,
): Pick<KernelTable, "headLogProb" | "headLogProbBackward" | "headCrossEntropy" | "headDivergence"> {
  return {
    headLogProb([h, w, targets, scales], [logp, logSum, entropy, meanLogit], { temperature, softCap = 0, compute }) {
      const [V, d] = w!.shape;
      // biome-ignore format: one line per group of operands
      addon.headLogProb(
        float(h), typeCode(h), addressOf(w), typeCode(w), w!.isPacked, f32(scales),
        i32(targets), f32(logp), f32(logSum), f32(entropy), f32(meanLogit), h!.shape[0], V, d, temperature, softCap,
        compute === "bf16",
      );
    },
    headLogProbBackward(
      [h, w, targets, logSum, dLogp, scales],
      [dh, dw],
      { temperature, softCap = 0, compute, accumulate },
    ) {
      const [V, d] = w!.shape;
      // biome-ignore format: one line per group of operands
      addon.headLogProbBackward(
        float(h), typeCode(h), addressOf(w), typeCode(w), w!.isPacked, f32(scales),
        i32(targets), f32(logSum), f32(dLogp), float(dh), typeCode(dh), f32(dw), accumulate,
        h!.shape[0], V, d, temperature, softCap, compute === "bf16",
      );
    },
    headCrossEntropy([h, w, targets, weights, scales], [total, nll, dh, dw], { softCap = 0, compute }) {
      const [V, d] = w!.shape;
      // biome-ignore format: one line per group of operands
      addon.headCrossEntropy(
        loss.float(h), typeCode(h), addressOf(w), typeCode(w), w!.isPacked, loss.f32(scales),
        loss.i32(targets), loss.f32(weights), loss.f32(total), loss.f32(nll), loss.float(dh), typeCode(dh),
        loss.f32(dw), false, h!.shape[0], V, d, softCap, compute === "bf16",
      );
    },
    headDivergence([h, w, tokens, logProbs, weights, scales], [total, kl, dh, dw], params) {
      const [V, d] = w!.shape;
      const { direction, temperature, softCap = 0, compute } = params;
      // biome-ignore format: one line per group of operands
      addon.headDivergence(
        divergence.float(h), typeCode(h), addressOf(w), typeCode(w), w!.isPacked, divergence.f32(scales),
        divergence.i32(tokens), divergence.f32(logProbs), tokens!.shape[1], direction === "reverse",
        divergence.f32(weights), divergence.f32(total), divergence.f32(kl), divergence.float(dh), typeCode(dh),
        divergence.f32(dw), h!.shape[0], V, d, temperature, softCap, compute === "bf16",
      );
    },
  };
}
