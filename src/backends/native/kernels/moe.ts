// Glue: routing and expert products to native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import type { RouterParams } from "../../../tensor/ops/moe.js";
import { addressOf, operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

type Routing = "router" | "routerBackward" | "balanceLoss" | "routerBiasUpdate";
type Experts =
  | "moeDispatch"
  | "groupedGemm"
  | "groupedWeightGrad"
  | "gatherSumRows"
  | "moeCombine"
  | "moeCombineBackward";

const router = operandsOf("router");
const balance = operandsOf("balanceLoss");
const dispatch = operandsOf("moeDispatch");
const grouped = operandsOf("groupedGemm");
const combine = operandsOf("moeCombine");

const scoringCode = (p: RouterParams) => (p.scoring === "sigmoid" ? 1 : 0);

function routingKernels(addon: NativeAddon): Pick<KernelTable, Routing> {
  return {
    router([logits, bias], [scores, indices, weights], p) {
      const [T, E] = logits!.shape;
      // biome-ignore format: one line per group of operands
      addon.routerForward(
        router.f32(logits), router.f32(bias), router.f32(scores), router.i32(indices), router.f32(weights), T, E,
        p.topK,
        p.numGroups, p.topkGroups, scoringCode(p), p.groupScore === "top2sum" ? 1 : 0, p.normalize, p.scale,
      );
    },
    routerBackward([scores, indices, dWeights, dScores], [dLogits], p) {
      const [T, E] = scores!.shape;
      // biome-ignore format: one line per group of operands
      addon.routerBackward(
        router.f32(scores), router.i32(indices), router.f32(dWeights), router.f32(dScores), router.f32(dLogits),
        T, E, indices!.shape[1], scoringCode(p), p.normalize, p.scale,
      );
    },
    balanceLoss([scores, indices, cuSeqlens], [loss, dScores], { alpha }) {
      const [T, E] = scores!.shape;
      // biome-ignore format: one line per group of operands
      addon.balanceLoss(
        balance.f32(scores), balance.i32(indices), balance.i32(cuSeqlens), cuSeqlens!.size - 1, balance.f32(loss),
        balance.f32(dScores),
        T, E, indices!.shape[1], alpha,
      );
    },
    routerBiasUpdate: ([bias, load], _, { gamma }) =>
      addon.routerBiasUpdate(router.f32(bias), router.f32(load), bias!.size, gamma),
  };
}

function expertKernels(addon: NativeAddon): Pick<KernelTable, Experts> {
  return {
    moeDispatch([indices, load], [offsets, rowToken, tokenRow], { experts }) {
      const [T, K] = indices!.shape;
      addon.moeDispatch(
        dispatch.i32(indices),
        addressOf(offsets),
        addressOf(rowToken),
        addressOf(tokenRow),
        dispatch.f32(load),
        T,
        experts,
        K,
      );
    },
    groupedGemm([x, w, offsets, rowToken], [y], { transW, compute }) {
      const [R, N] = y.shape;
      if (w!.isPacked) {
        // biome-ignore format: one line per group of operands
        addon.groupedGemmPacked(
          transW, w!.shape[0], R, N, x!.shape[1], grouped.float(x), typeCode(x), grouped.i32(rowToken),
          grouped.float(w), typeCode(w), grouped.i32(offsets), grouped.float(y), typeCode(y), false,
        );
        return;
      }
      // biome-ignore format: one line per group of operands
      addon.groupedGemm(
        transW, w!.shape[0], R, N, x!.shape[1], grouped.float(x), typeCode(x), grouped.i32(rowToken),
        grouped.float(w), typeCode(w), grouped.i32(offsets), grouped.float(y), typeCode(y), false, compute === "bf16",
      );
    },
    groupedWeightGrad([dy, x, offsets, rowToken], [dw], { shape: [E, N, K], accumulate, compute }) {
      // biome-ignore format: one line per group of operands
      addon.groupedGemmWeightGrad(
        E, N, K, grouped.float(dy), typeCode(dy), grouped.float(x), typeCode(x), grouped.i32(rowToken),
        grouped.i32(offsets), grouped.f32(dw), accumulate, compute === "bf16",
      );
    },
    gatherSumRows([rows, tokenRow], [dx]) {
      const [T, K] = tokenRow!.shape;
      addon.gatherSumRows(
        combine.float(rows),
        typeCode(rows),
        combine.i32(tokenRow),
        combine.float(dx),
        typeCode(dx),
        false,
        T,
        K,
        dx.shape[1],
      );
    },
    moeCombine([rows, weights, tokenRow, added], [y]) {
      const [T, K] = tokenRow!.shape;
      // biome-ignore format: one line per group of operands
      addon.moeCombine(
        combine.float(rows), typeCode(rows), combine.f32(weights), combine.i32(tokenRow), combine.float(added),
        typeCode(added),
        combine.float(y), typeCode(y), T, K, y.shape[1],
      );
    },
    moeCombineBackward([rows, weights, tokenRow, dy], [dRows, dWeights]) {
      const [T, K] = tokenRow!.shape;
      // biome-ignore format: one line per group of operands
      addon.moeCombineBackward(
        addressOf(rows), combine.common(rows, dRows), combine.f32(weights), combine.i32(tokenRow), combine.float(dy),
        typeCode(dy),
        addressOf(dRows), combine.f32(dWeights), T, K, dy!.shape[1],
      );
    },
  };
}

/** The kernels of mixtures of experts, bound to a loaded addon. */
export function moeKernels(addon: NativeAddon): Pick<KernelTable, Routing | Experts> {
  return { ...routingKernels(addon), ...expertKernels(addon) };
}
