// Every op there is, by name: the table that types and checks the backends.
import type { Backend, Kernel, Unsupported } from "../backend.js";
import type { OpSpec } from "../op.js";
import * as attention from "./attention.js";
import * as dropout from "./dropout.js";
import * as elementwise from "./elementwise.js";
import * as encode from "./encode.js";
import * as expandedAttention from "./expanded-attention.js";
import * as glu from "./glu.js";
import * as head from "./head.js";
import * as linear from "./linear.js";
import * as moe from "./moe.js";
import * as norm from "./norm.js";
import * as optimizer from "./optimizer.js";
import * as pagedAttention from "./paged-attention.js";
import * as reduce from "./reduce.js";
import * as rope from "./rope.js";
import * as rows from "./rows.js";
import * as sampling from "./sampling.js";
import * as stored from "./stored.js";

/** All op declarations. A backend has a kernel, or a reason, for each: leaving one out does not compile. */
export const ops = {
  cast: elementwise.castOp,
  addScaled: elementwise.addScaledOp,
  scale: elementwise.scaleOp,
  scaleBy: elementwise.scaleByOp,
  unary: elementwise.unaryOp,
  unaryBackward: elementwise.unaryBackwardOp,
  binary: elementwise.binaryOp,
  binaryBackward: elementwise.binaryBackwardOp,
  clamp: elementwise.clampOp,
  clampBackward: elementwise.clampBackwardOp,
  dropout: dropout.dropoutOp,
  glu: glu.gluOp,
  gluBackward: glu.gluBackwardOp,
  concatLast: elementwise.concatLastOp,
  splitLast: elementwise.splitLastOp,
  fill: elementwise.fillOp,
  dot: reduce.dotOp,
  spread: reduce.spreadOp,
  columnSum: reduce.columnSumOp,
  sumSquares: reduce.sumSquaresOp,
  clipFactor: reduce.clipFactorOp,
  gemm: linear.gemmOp,
  headMatmul: linear.headMatmulOp,
  rmsNorm: norm.rmsNormOp,
  rmsNormBackward: norm.rmsNormBackwardOp,
  rope: rope.ropeOp,
  mlaAssemble: rope.mlaAssembleOp,
  mlaAssembleBackward: rope.mlaAssembleBackwardOp,
  attention: attention.attentionOp,
  attentionBackward: attention.attentionBackwardOp,
  pagedWrite: pagedAttention.pagedWriteOp,
  pagedAttention: pagedAttention.pagedAttentionOp,
  gatherPaged: pagedAttention.gatherPagedOp,
  expandedAttention: expandedAttention.expandedAttentionOp,
  embedding: rows.embeddingOp,
  embeddingBackward: rows.embeddingBackwardOp,
  gatherRows: rows.gatherRowsOp,
  scatterAddRows: rows.scatterAddRowsOp,
  router: moe.routerOp,
  routerBackward: moe.routerBackwardOp,
  balanceLoss: moe.balanceLossOp,
  moeDispatch: moe.moeDispatchOp,
  groupedGemm: moe.groupedGemmOp,
  groupedWeightGrad: moe.groupedWeightGradOp,
  gatherSumRows: rows.gatherSumRowsOp,
  moeCombine: moe.moeCombineOp,
  moeCombineBackward: moe.moeCombineBackwardOp,
  routerBiasUpdate: moe.routerBiasUpdateOp,
  headLogProb: head.headLogProbOp,
  headLogProbBackward: head.headLogProbBackwardOp,
  headCrossEntropy: head.headCrossEntropyOp,
  headDivergence: head.headDivergenceOp,
  adamw: optimizer.adamwOp,
  applyUpdate: optimizer.applyUpdateOp,
  sampleTokens: sampling.sampleTokensOp,
  adjustLogits: sampling.adjustLogitsOp,
  maskLogits: sampling.maskLogitsOp,
  topLogProbs: sampling.topLogProbsOp,
  storedLinear: stored.storedLinearOp,
  storedLinearBackward: stored.storedLinearBackwardOp,
  storedGroupedLinear: stored.storedGroupedLinearOp,
  storedGroupedLinearBackward: stored.storedGroupedLinearBackwardOp,
  storedRows: stored.storedRowsOp,
  encodeWeights: encode.encodeWeightsOp,
} as const;

/** The name of an op. */
export type OpName = keyof typeof ops;
/** The parameters of the op named K. */
export type ParamsOf<K extends OpName> = (typeof ops)[K] extends OpSpec<infer P> ? P : never;
/** What a backend supplies. */
export type KernelTable = { readonly [K in OpName]: Kernel<ParamsOf<K>> | Unsupported };
/** A backend that leaves no op out: what a backend's maker returns. */
export interface CompleteBackend extends Backend {
  readonly kernels: KernelTable;
}
