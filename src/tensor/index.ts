// What `luciole/tensor` offers: tensors and scopes, autograd, ops, devices.
export type {
  Backend,
  CacheArranger,
  CacheRole,
  DeviceBuffer,
  FileMapper,
  Kernel,
  Operand,
  Unsupported,
  WeightPacker,
} from "./backend.js";
export {
  type EncodedBlockType,
  type EncodedType,
  encodeE4m3Blocks,
  encodeRow,
  encodeRows,
  toE4m3,
} from "./block-encoders.js";
export { decodeRow, fromE4m3, rowBytes, type StorageType, scaleBlock } from "./block-formats.js";
export { Device, defaultDevice, type MemoryStats, type OpProfile, setDefaultDevice } from "./device.js";
export {
  type BlockType,
  blockSizes,
  type ComputeType,
  type DType,
  decodeBytes,
  dtypeBytes,
  encodeBytes,
  fromBf16Bits,
  fromF16Bits,
  type HostArray,
  isBlockType,
  type ScalarType,
  storageBytes,
  toBf16Bits,
  toF16Bits,
} from "./dtype.js";
export {
  alias,
  dispatch,
  empty,
  fromBytes,
  isRecording,
  keep,
  type Recorder,
  scope,
  scopeAsync,
  tensor,
  writeTensor,
} from "./engine.js";
export type { Cost, HostView, IndexRule, OpSpec, VjpContext } from "./op.js";
export { type AttentionParams, attention } from "./ops/attention.js";
export { type DropoutParams, dropout } from "./ops/dropout.js";
export {
  add,
  addScaled,
  type BinaryKind,
  binary,
  cast,
  clamp,
  concatLast,
  fillInPlace,
  scale,
  scaleBy,
  splitLast,
  type UnaryKind,
  unary,
  zeros,
} from "./ops/elementwise.js";
export { type EncodeParams, encodeOnDevice, encodeWeights } from "./ops/encode.js";
export { type ExpandedAttentionParams, expandedAttention } from "./ops/expanded-attention.js";
export { type GluActivation, glu, swiglu } from "./ops/glu.js";
export {
  type Divergence,
  type DivergenceDirection,
  type Head,
  type HeadLogProbs,
  headCrossEntropy,
  headDivergence,
  headLogProb,
  softlyCapped,
  type TeacherRows,
} from "./ops/head.js";
export { type CompleteBackend, type KernelTable, type OpName, ops, type ParamsOf } from "./ops/index.js";
export {
  type GemmParams,
  type HeadMatmulParams,
  headMatmul,
  type LinearOptions,
  linear,
  matmul,
} from "./ops/linear.js";
export {
  balanceLoss,
  type Dispatch,
  type ExpertRows,
  groupedLinear,
  moeCombine,
  moeDispatch,
  type RouterParams,
  router,
  routerBiasUpdate,
} from "./ops/moe.js";
export { rmsNorm } from "./ops/norm.js";
export { type AdamWParams, adamw, applyUpdate } from "./ops/optimizer.js";
export {
  type GatherPagedParams,
  gatherPaged,
  type PagedAttentionParams,
  type PagedWriteParams,
  pagedAttention,
  pagedWrite,
} from "./ops/paged-attention.js";
export { BLOCK_TOKENS, emptyPagedHeads, fp8LatentBytes, type PagedRole } from "./ops/paged-layout.js";
export { clipFactor, dot, sumAll, sumSquares } from "./ops/reduce.js";
export { type MlaAssembleParams, mlaAssemble, type RopeLayout, rope } from "./ops/rope.js";
export { embedding, gatherRows } from "./ops/rows.js";
export {
  adjustLogits,
  maskLogits,
  type SamplingParams,
  sampleRows,
  sampleTokens,
  topLogProbs,
} from "./ops/sampling.js";
export { type StoredLinearOptions, storedGroupedLinear, storedLinear, storedRows } from "./ops/stored.js";
export { packStored, packWeights } from "./packing.js";
export { Parameter } from "./parameter.js";
export type { BufferPool } from "./pool.js";
export { type RecomputedBlock, recompute } from "./recompute.js";
export type { OutputGradient } from "./replay.js";
export { type BackwardOptions, leaf, noGrad, Tape, withTape } from "./tape.js";
export { type GradientSink, numElements, type Storage, Tensor, type TensorSpec } from "./tensor.js";
export { reshape } from "./view.js";
