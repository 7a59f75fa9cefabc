// The functions of the native addon, as native/kernels/*.h declare them; what they compute is said there.
// Knows nothing of tensors. No compiler checks this page against the C++: the conformance tests do.

/** A device address below 2^53; 0 is an absent optional operand. */
export type Address = number;
/** An element type as the kernels number it (dtype.h there, operands.ts here). */
export type TypeCode = number;

interface MemoryFunctions {
  allocate(bytes: number): Address;
  release(at: Address): void;
  copyIn(to: Address, from: ArrayBufferLike, byteOffset: number, byteLength: number): void;
  copyOut(from: Address, to: ArrayBufferLike, byteOffset: number, byteLength: number): void;
  threadCount(): number;
  setThreadCount(count: number): void;
}

interface IndexFunctions {
  checkIndexes(indexes: Address, count: number, from: number, below: number): void;
  checkOffsets(offsets: Address, count: number, end: number, within: boolean): void;
}

interface MappingFunctions {
  mapFile(descriptor: number, bytes: number): Address;
  unmapFile(mapping: Address, bytes: number): void;
  willNeed(at: Address, bytes: number): void;
  dropPages(at: Address, bytes: number): void;
  moveBytes(from: Address, to: Address, bytes: number): void;
}

interface ElementwiseFunctions {
  cast(x: Address, xType: TypeCode, y: Address, yType: TypeCode, n: number): void;
  fill(x: Address, type: TypeCode, n: number, value: number): void;
  addScaled(
    a: Address,
    aType: TypeCode,
    b: Address,
    bType: TypeCode,
    y: Address,
    yType: TypeCode,
    n: number,
    alpha: number,
    beta: number,
  ): void;
  scale(x: Address, xType: TypeCode, y: Address, yType: TypeCode, n: number, factor: number): void;
  scaleBy(x: Address, xType: TypeCode, factor: Address, y: Address, yType: TypeCode, n: number): void;
  unary(kind: number, x: Address, y: Address, n: number): void;
  unaryBackward(kind: number, x: Address, y: Address, dy: Address, dx: Address, n: number): void;
  binary(kind: number, a: Address, b: Address, y: Address, n: number): void;
  binaryBackward(kind: number, a: Address, b: Address, dy: Address, da: Address, db: Address, n: number): void;
  clampForward(x: Address, y: Address, n: number, lo: number, hi: number): void;
  clampBackward(x: Address, dy: Address, dx: Address, n: number, lo: number, hi: number): void;
  // biome-ignore format: one line per group of operands
  dropout(
    x: Address, y: Address, type: TypeCode, n: number, key0: number, key1: number, threshold: number, scale: number,
  ): void;
  glu(activation: number, gateUp: Address, y: Address, type: TypeCode, rows: number, width: number): void;
  // biome-ignore format: one line per group of operands
  gluBackward(
    activation: number, gateUp: Address, dy: Address, dGateUp: Address, type: TypeCode, rows: number, width: number,
  ): void;
}

interface ReduceFunctions {
  sumAll(x: Address, out: Address, n: number): void;
  dot(a: Address, b: Address, out: Address, n: number): void;
  spread(s: Address, w: Address, y: Address, n: number): void;
  columnSum(x: Address, type: TypeCode, out: Address, rows: number, cols: number, accumulate: boolean): void;
  sumSquares(x: Address, out: Address, n: number, accumulate: boolean): void;
  clipFactor(sumSq: Address, factor: Address, maxNorm: number): void;
}

interface NormFunctions {
  rmsNorm(
    x: Address,
    xType: TypeCode,
    w: Address,
    weightOffset: number,
    y: Address,
    yType: TypeCode,
    rstd: Address,
    rows: number,
    d: number,
    eps: number,
  ): void;
  // biome-ignore format: one line per group of operands
  rmsNormBackward(
    x: Address, xType: TypeCode, w: Address, weightOffset: number, rstd: Address, dy: Address, dyType: TypeCode,
    dxAdd: Address, dxAddType: TypeCode,
    dx: Address, dxType: TypeCode, dw: Address, accumulateDw: boolean, rows: number, d: number,
  ): void;
}

interface RopeFunctions {
  // biome-ignore format: one line per group of operands
  rope(
    x: Address, y: Address, type: TypeCode, positions: Address, invFreq: Address,
    T: number, H: number, D: number, offset: number, R: number, interleaved: boolean, inverse: boolean, factor: number,
  ): void;
  // biome-ignore format: one line per group of operands
  mlaAssemble(
    qIn: Address, kv: Address, kRope: Address, type: TypeCode, positions: Address, invFreq: Address, q: Address,
    k: Address, v: Address,
    T: number, H: number, nope: number, ropeDim: number, value: number, interleaved: boolean, factor: number,
  ): void;
  // biome-ignore format: one line per group of operands
  mlaAssembleBackward(
    dq: Address, dk: Address, dv: Address, type: TypeCode, positions: Address, invFreq: Address, dqIn: Address,
    dkv: Address, dkRope: Address,
    T: number, H: number, nope: number, ropeDim: number, value: number, interleaved: boolean, factor: number,
  ): void;
}

interface MatrixFunctions {
  // biome-ignore format: one line per group of operands
  gemm(
    transA: boolean, transB: boolean, M: number, N: number, K: number,
    A: Address, aType: TypeCode, lda: number, B: Address, bType: TypeCode, ldb: number, C: Address, cType: TypeCode,
    ldc: number,
    accumulate: boolean, bias: Address, residual: Address, residualType: TypeCode, bf16Compute: boolean,
  ): void;
  // biome-ignore format: one line per group of operands
  batchedGemm(
    transB: boolean, batch: number, M: number, N: number, K: number,
    A: Address, aType: TypeCode, aBatchStride: number, lda: number, B: Address, bType: TypeCode,
    bBatchStride: number, ldb: number,
    C: Address, cType: TypeCode, cBatchStride: number, ldc: number, bf16Compute: boolean,
  ): void;
  // biome-ignore format: one line per group of operands
  groupedGemm(
    transW: boolean, E: number, R: number, N: number, K: number, X: Address, xType: TypeCode, rowIndex: Address,
    W: Address, wType: TypeCode, offsets: Address, Y: Address, yType: TypeCode, accumulate: boolean,
    bf16Compute: boolean,
  ): void;
  canPackWeights(N: number, K: number, type: TypeCode): boolean;
  packWeights(W: Address, type: TypeCode, E: number, N: number, K: number, packed: Address): void;
  // biome-ignore format: one line per group of operands
  gemmPacked(
    transB: boolean, M: number, N: number, K: number, A: Address, aType: TypeCode, lda: number,
    packedB: Address, bType: TypeCode, C: Address, cType: TypeCode, ldc: number,
    accumulate: boolean, bias: Address, residual: Address, residualType: TypeCode,
  ): void;
  // biome-ignore format: one line per group of operands
  groupedGemmPacked(
    transW: boolean, E: number, R: number, N: number, K: number, X: Address, xType: TypeCode, rowIndex: Address,
    packedW: Address, wType: TypeCode, offsets: Address, Y: Address, yType: TypeCode, accumulate: boolean,
  ): void;
  // biome-ignore format: one line per group of operands
  groupedGemmWeightGrad(
    E: number, N: number, K: number, dY: Address, dyType: TypeCode, X: Address, xType: TypeCode, rowIndex: Address,
    offsets: Address, dW: Address, accumulate: boolean, bf16Compute: boolean,
  ): void;
}

interface AttentionFunctions {
  // biome-ignore format: one line per group of operands
  attentionForward(
    q: Address, k: Address, v: Address, type: TypeCode, o: Address, lse: Address, cuSeqlens: Address, numSeqs: number,
    T: number, Hq: number, Hkv: number, Dqk: number, Dv: number, scale: number, causal: boolean, window: number,
    softCap: number,
  ): void;
  // biome-ignore format: one line per group of operands
  attentionBackward(
    q: Address, k: Address, v: Address, o: Address, dO: Address, type: TypeCode, lse: Address, dq: Address,
    dk: Address, dv: Address,
    cuSeqlens: Address, numSeqs: number, T: number, Hq: number, Hkv: number, Dqk: number, Dv: number, scale: number,
    causal: boolean, window: number, softCap: number,
  ): void;
}

interface PagedFunctions {
  // biome-ignore format: one line per group of operands
  pagedWrite(
    x: Address, xType: TypeCode, cache: Address, cacheType: TypeCode, role: number, blockIds: Address, offsets: Address,
    R: number, heads: number, width: number, latent: number,
  ): void;
  // biome-ignore format: one line per group of operands
  gatherPaged(
    cache: Address, cacheType: TypeCode, numBlocks: number, tables: Address, maxBlocks: number, cuKeys: Address,
    S: number,
    out: Address, outType: TypeCode, width: number, latent: number,
  ): void;
  // biome-ignore format: one line per group of operands
  pagedAttention(
    q: Address, qType: TypeCode, keys: Address, values: Address, cacheType: TypeCode, numBlocks: number, o: Address,
    tables: Address, maxBlocks: number, cuQueries: Address, contextLengths: Address, S: number, Hq: number,
    Hkv: number, Dk: number, Dv: number, scale: number,
    window: number, softCap: number,
  ): void;
  // biome-ignore format: one line per group of operands
  expandedAttention(
    q: Address, kv: Address, kRope: Address, type: TypeCode, o: Address, cuQueries: Address, cuKeys: Address,
    S: number, H: number, nope: number, rotary: number, value: number, scale: number,
  ): void;
}

interface RowFunctions {
  concatLast(
    a: Address,
    b: Address,
    y: Address,
    elementBytes: number,
    rows: number,
    widthA: number,
    widthB: number,
  ): void;
  splitLast(
    x: Address,
    a: Address,
    b: Address,
    elementBytes: number,
    rows: number,
    widthA: number,
    widthB: number,
  ): void;
  gatherRows(x: Address, index: Address, y: Address, elementBytes: number, rows: number, width: number): void;
  scatterAddRows(
    dy: Address,
    dyType: TypeCode,
    index: Address,
    dx: Address,
    dxType: TypeCode,
    rows: number,
    width: number,
    numTargets: number,
  ): void;
  embedding(table: Address, tableType: TypeCode, ids: Address, y: Address, yType: TypeCode, T: number, d: number): void;
  embeddingBackward(
    ids: Address,
    dy: Address,
    dyType: TypeCode,
    dTable: Address,
    accumulate: boolean,
    T: number,
    V: number,
    d: number,
  ): void;
}

interface ExpertFunctions {
  // biome-ignore format: one line per group of operands
  routerForward(
    logits: Address, bias: Address, scores: Address, indices: Address, weights: Address, T: number, E: number,
    K: number,
    numGroups: number, topkGroups: number, scoring: number, groupScore: number, normalize: boolean, scale: number,
  ): void;
  // biome-ignore format: one line per group of operands
  routerBackward(
    scores: Address, indices: Address, dWeights: Address, dScoresExtra: Address, dLogits: Address,
    T: number, E: number, K: number, scoring: number, normalize: boolean, scale: number,
  ): void;
  // biome-ignore format: one line per group of operands
  balanceLoss(
    scores: Address, indices: Address, cuSeqlens: Address, numSeqs: number, loss: Address, dScores: Address,
    T: number, E: number, K: number, alpha: number,
  ): void;
  moeDispatch(
    indices: Address,
    offsets: Address,
    rowToken: Address,
    tokenRow: Address,
    load: Address,
    T: number,
    E: number,
    K: number,
  ): void;
  // biome-ignore format: one line per group of operands
  moeCombine(
    rows: Address, type: TypeCode, weights: Address, tokenRow: Address, add: Address, addType: TypeCode, y: Address,
    yType: TypeCode,
    T: number, K: number, d: number,
  ): void;
  // biome-ignore format: one line per group of operands
  moeCombineBackward(
    rows: Address, type: TypeCode, weights: Address, tokenRow: Address, dy: Address, dyType: TypeCode,
    dRows: Address, dWeights: Address,
    T: number, K: number, d: number,
  ): void;
  gatherSumRows(
    dRows: Address,
    type: TypeCode,
    tokenRow: Address,
    dx: Address,
    dxType: TypeCode,
    accumulate: boolean,
    T: number,
    K: number,
    d: number,
  ): void;
  routerBiasUpdate(bias: Address, load: Address, E: number, gamma: number): void;
}

interface HeadFunctions {
  // biome-ignore format: one line per group of operands
  headLogProb(
    h: Address, hType: TypeCode, W: Address, wType: TypeCode, packed: boolean, scales: Address,
    targets: Address, logp: Address, logSum: Address, entropy: Address, meanLogit: Address,
    T: number, V: number, d: number, temperature: number, softCap: number, bf16Compute: boolean,
  ): void;
  // biome-ignore format: one line per group of operands
  headLogProbBackward(
    h: Address, hType: TypeCode, W: Address, wType: TypeCode, packed: boolean, scales: Address,
    targets: Address, logSum: Address, dLogp: Address, dh: Address, dhType: TypeCode,
    dW: Address, accumulateDw: boolean, T: number, V: number, d: number, temperature: number, softCap: number,
    bf16Compute: boolean,
  ): void;
  // biome-ignore format: one line per group of operands
  headCrossEntropy(
    h: Address, hType: TypeCode, W: Address, wType: TypeCode, packed: boolean, scales: Address,
    targets: Address, weights: Address, loss: Address, nll: Address,
    dh: Address, dhType: TypeCode, dW: Address, accumulateDw: boolean, T: number, V: number, d: number,
    softCap: number, bf16Compute: boolean,
  ): void;
  // biome-ignore format: one line per group of operands
  headDivergence(
    h: Address, hType: TypeCode, W: Address, wType: TypeCode, packed: boolean, scales: Address,
    tokens: Address, logProbs: Address, k: number, reverse: boolean, weights: Address, loss: Address, kl: Address,
    dh: Address, dhType: TypeCode, dW: Address, T: number, V: number, d: number,
    temperature: number, softCap: number, bf16Compute: boolean,
  ): void;
}

interface UpdateFunctions {
  // biome-ignore format: one line per group of operands
  adamw(
    p: Address, g: Address, m: Address, v: Address, copyBf16: Address, gradFactor: Address, n: number,
    lr: number, beta1: number, beta2: number, eps: number, weightDecay: number, biasCorrection1: number,
    biasCorrection2: number,
  ): void;
  axpyUpdate(
    p: Address,
    update: Address,
    type: TypeCode,
    copyBf16: Address,
    n: number,
    lr: number,
    weightDecay: number,
  ): void;
  // biome-ignore format: one line per group of operands
  sampleTokens(
    logits: Address, uniforms: Address, settings: Address, ids: Address, logp: Address, B: number, V: number,
    temperature: number, topK: number, topP: number, minP: number,
  ): void;
  adjustLogits(
    logits: Address,
    cu: Address,
    ids: Address,
    scales: Address,
    offsets: Address,
    B: number,
    V: number,
  ): void;
  maskLogits(logits: Address, rows: Address, masks: Address, M: number, V: number): void;
  topLogProbs(
    logits: Address,
    rows: Address,
    temperatures: Address,
    ids: Address,
    logp: Address,
    R: number,
    V: number,
    k: number,
  ): void;
}

interface StoredFunctions {
  storedPackedBytes(type: TypeCode, E: number, N: number, K: number): number;
  packStored(W: Address, type: TypeCode, scales: Address, E: number, N: number, K: number, packed: Address): void;
  // biome-ignore format: one line per group of operands
  storedLinear(
    M: number, N: number, K: number, X: Address, xType: TypeCode, W: Address, wType: TypeCode, packed: boolean,
    scales: Address,
    Y: Address, yType: TypeCode, bias: Address, residual: Address, residualType: TypeCode,
  ): void;
  // biome-ignore format: one line per group of operands
  storedGroupedLinear(
    E: number, R: number, N: number, K: number, X: Address, xType: TypeCode, xRows: number, rowIndex: Address,
    W: Address, wType: TypeCode, packed: boolean, scales: Address, offsets: Address, Y: Address, yType: TypeCode,
  ): void;
  // biome-ignore format: one line per group of operands
  storedLinearBackward(
    M: number, N: number, K: number, dY: Address, dyType: TypeCode, W: Address, wType: TypeCode, packed: boolean,
    scales: Address, dX: Address, dxType: TypeCode, accumulate: boolean,
  ): void;
  // biome-ignore format: one line per group of operands
  storedGroupedLinearBackward(
    E: number, R: number, N: number, K: number, dY: Address, dyType: TypeCode, W: Address, wType: TypeCode,
    packed: boolean, scales: Address, offsets: Address, dX: Address, dxType: TypeCode,
  ): void;
  // biome-ignore format: one line per group of operands
  storedRows(
    W: Address, wType: TypeCode, packed: boolean, scales: Address, N: number, K: number, ids: Address, T: number,
    Y: Address,
  ): void;
  encodeWeights(x: Address, type: TypeCode, count: number, out: Address): void;
}

interface RooflineFunctions {
  peakFmaF32(threads: number, seconds: number): number;
  peakDotBf16(threads: number, seconds: number): number;
  peakDotInt8(threads: number, seconds: number): number;
  readBandwidth(threads: number, bytes: number, seconds: number): number;
  sustainedReadBandwidth(threads: number, bytes: number, seconds: number): number;
  copyBandwidth(threads: number, bytes: number, seconds: number): number;
  triadBandwidth(threads: number, bytes: number, seconds: number): number;
}

/** Everything the addon exports. */
export interface NativeAddon
  extends MemoryFunctions,
    IndexFunctions,
    MappingFunctions,
    ElementwiseFunctions,
    ReduceFunctions,
    NormFunctions,
    RopeFunctions,
    MatrixFunctions,
    AttentionFunctions,
    PagedFunctions,
    RowFunctions,
    ExpertFunctions,
    HeadFunctions,
    UpdateFunctions,
    StoredFunctions,
    RooflineFunctions {}
