// See stored-linear.h.
#include "stored-linear.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "dtype.h"
#include "gemm-pack.h"
#include "gemm.h"
#include "grouped-gemm.h"
#include "lanes.h"
#include "pool.h"
#include "scratch.h"
#include "stored-activations.h"
#include "stored-kernels.h"

namespace luciole {

const StoredKernels& storedKernels(int64_t type) {
  switch (type) {
    case kF16:
      return f16Kernels;
    case kQ8_0:
      return q8_0Kernels;
    case kQ4_0:
      return q4_0Kernels;
    case kQ4_1:
      return q4_1Kernels;
    case kQ5_0:
      return q5_0Kernels;
    case kQ5_1:
      return q5_1Kernels;
    case kIq4_nl:
      return iq4_nlKernels;
    case kMxfp4:
      return mxfp4Kernels;
    case kQ2_k:
      return q2_kKernels;
    case kQ3_k:
      return q3_kKernels;
    case kQ4_k:
      return q4_kKernels;
    case kQ5_k:
      return q5_kKernels;
    case kQ6_k:
      return q6_kKernels;
    case kIq4_xs:
      return iq4_xsKernels;
    case kE4m3:
      return e4m3Kernels;
  }
  throw std::runtime_error("expected weights stored as f16 or in blocks, got dtype code " + std::to_string(type));
}

namespace {

constexpr int64_t kScaleRows = 128;
/** Rows that share one pass over a panel at most: their sums stay in the second-level cache. */
constexpr int64_t kMostRows = 768;
/** Weights [E, N, K] with what finds their parts. */
struct Weights {
  const StoredKernels& kernels;
  const uint8_t* data;
  bool packed;
  const float* scales;
  int64_t N, K;

  Weights(const void* W, int64_t type, bool isPacked, const float* blockScales, int64_t numRows, int64_t width)
      : kernels(storedKernels(type)),
        data(static_cast<const uint8_t*>(W)),
        packed(isPacked),
        scales(blockScales),
        N(numRows),
        K(width) {
    if (K % kernels.blockNumbers != 0)
      throw std::runtime_error("expected rows of whole blocks of " + std::to_string(kernels.blockNumbers) +
                               " numbers, got " + std::to_string(K));
  }
  int64_t rowBytes() const { return K / kernels.blockNumbers * kernels.blockBytes; }
  int64_t numPanels() const { return (N + kPanelOutputs - 1) / kPanelOutputs; }
  int64_t panelBytes() const { return kernels.panelBytes(K); }
  const uint8_t* row(int64_t expert, int64_t n) const { return data + (expert * N + n) * rowBytes(); }
  const float* scalesOf(int64_t expert, int64_t n) const {
    if (!scales) return nullptr;
    return scales + (expert * ((N + kScaleRows - 1) / kScaleRows) + n / kScaleRows) * ((K + kGroup - 1) / kGroup);
  }
  void packPanel(int64_t expert, int64_t panel, uint8_t* out) const {
    const int64_t n = panel * kPanelOutputs;
    kernels.pack(row(expert, n), rowBytes(), std::min<int64_t>(N - n, kPanelOutputs), K, scalesOf(expert, n), out);
  }
  /** A panel ready to multiply: of packed weights in place, else made in this thread's scratch. */
  const uint8_t* panel(int64_t expert, int64_t index) const {
    if (packed) return data + (expert * numPanels() + index) * panelBytes();
    auto* scratch = static_cast<uint8_t*>(threadScratch(kScratchPanel, panelBytes()));
    packPanel(expert, index, scratch);
    return scratch;
  }
};

/** Stored weights as the B [N, K] of products over N. */
struct StoredSource : Source {
  const Weights& w;
  explicit StoredSource(const Weights& weights) : Source{block}, w(weights) {}

  static void block(const Source& source, int64_t expert, int64_t n, int64_t k, int64_t columns, float* out) {
    static_assert(kSourceRows == kPanelOutputs && kSourceColumns % kGroup == 0);
    const Weights& w = static_cast<const StoredSource&>(source).w;
    if (w.packed) return w.kernels.decode(w.panel(expert, n / kPanelOutputs), w.K, k, columns, out);
    // Of rows as they lie in the file, the stretch that holds the columns is packed first.
    const int64_t from = k / kSourceColumns * kSourceColumns, width = std::min(kSourceColumns, w.K - from);
    const float* scales = w.scalesOf(expert, n);
    auto* panel = static_cast<uint8_t*>(threadScratch(kScratchPanel, w.kernels.panelBytes(width)));
    w.kernels.pack(w.row(expert, n) + from / w.kernels.blockNumbers * w.kernels.blockBytes, w.rowBytes(),
                   std::min<int64_t>(w.N - n, kPanelOutputs), width, scales ? scales + from / kGroup : nullptr, panel);
    w.kernels.decode(panel, width, k - from, columns, out);
  }
};

/** Where the results go. */
struct Outputs {
  void* y;
  int64_t type;
  const float* bias = nullptr;
  const void* residual = nullptr;
  int64_t residualType = kF32;
};

/** Rows [first, first + count) of y in columns [n, n + width) from acc. */
template <class Y, class R>
void writeRows(const Outputs& out, int64_t N, int64_t n, int64_t width, int64_t first, int64_t count,
               const float* acc) {
  for (int64_t r = 0; r < count; ++r, acc += kPanelOutputs) {
    Y* y = static_cast<Y*>(out.y) + (first + r) * N + n;
    const R* residual = out.residual ? static_cast<const R*>(out.residual) + (first + r) * N + n : nullptr;
    eachVector(0, width, [&](int64_t i, auto lanes) {
      vf value = load(acc + i);
      if (out.bias) value += get(out.bias + n + i, lanes);
      if (residual) value += get(residual + i, lanes);
      put(y + i, value, lanes);
    });
  }
}

void write(const Outputs& out, int64_t N, int64_t n, int64_t width, int64_t first, int64_t count, const float* acc) {
  dispatchType(out.type, [&](auto yTag) {
    dispatchType(out.residualType, [&](auto residualTag) {
      writeRows<decltype(yTag), decltype(residualTag)>(out, N, n, width, first, count, acc);
    });
  });
}

/** Prepares M rows of x for the kernels, in memory that this thread keeps. */
ActivationRows prepareRows(const StoredKernels& kernels, const void* X, int64_t xType, int64_t M, int64_t K) {
  thread_local SharedScratch<uint8_t> scratch;
  const int64_t stride = kernels.recordBytes(K);
  uint8_t* records = scratch.get(M * stride);
  parallelFor(M, rowGrain(K), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      kernels.prepare(static_cast<const char*>(X) + r * K * sizeOf(xType), xType, K, records + r * stride);
  });
  return {records, stride, nullptr};
}

/** One expert's rows in blocks, each of which meets every panel. */
struct RowGroup {
  int64_t expert, first, count, numBlocks, firstTask = 0;
};

RowGroup rowGroup(int64_t expert, int64_t first, int64_t count) {
  return {expert, first, count, (count + kMostRows - 1) / kMostRows};
}

/** All groups' products: a task is one panel against one block of rows. */
void multiplyGroups(const Weights& w, const ActivationRows& rows, std::vector<RowGroup>& groups, const Outputs& out) {
  const int64_t panels = w.numPanels();
  int64_t numTasks = 0, most = 0;
  for (RowGroup& group : groups) {
    group.firstTask = numTasks;
    numTasks += group.numBlocks * panels;
    most = std::max(most, group.count);
  }
  // Few rows wait for memory: a thread then takes neighbouring panels, which lie one after the other.
  const int64_t grain = most > 64 ? 1 : std::max<int64_t>(1, numTasks / (threadCount() * 8));
  parallelFor(numTasks, grain, [&](int64_t begin, int64_t end) {
    auto after = std::upper_bound(groups.begin(), groups.end(), begin,
                                  [](int64_t task, const RowGroup& group) { return task < group.firstTask; });
    for (int64_t task = begin; task < end; ++task) {
      if (after != groups.end() && task >= after->firstTask) ++after;
      const RowGroup& group = *(after - 1);
      const int64_t block = (task - group.firstTask) / panels, panel = (task - group.firstTask) % panels;
      const int64_t from = group.count * block / group.numBlocks,
                    count = group.count * (block + 1) / group.numBlocks - from;
      auto* acc = static_cast<float*>(threadScratch(kScratchAccumulators, count * kPanelOutputs * 4));
      w.kernels.multiply(w.panel(group.expert, panel), w.K, rows, group.first + from, count, acc);
      const int64_t n = panel * kPanelOutputs;
      write(out, w.N, n, std::min<int64_t>(w.N - n, kPanelOutputs), group.first + from, count, acc);
    }
  });
}

/** Row n of packWeights' panels of f32 or bf16. */
void unpackWords(const float* panels, bool isBf16, int64_t K, int64_t n, float* out) {
  const int64_t perWord = elementsPerWord(isBf16), words = K / perWord;
  const float* column = panels + n / kPanelColumns * words * kPanelColumns + n % kPanelColumns;
  for (int64_t k = 0; k < K; ++k) {
    const auto* word = reinterpret_cast<const bf16*>(column + k / perWord * kPanelColumns);
    out[k] = perWord == 2 ? toFloat(word[k % 2]) : column[k * kPanelColumns];
  }
}

}  // namespace

int64_t storedPackedBytes(int64_t type, int64_t E, int64_t N, int64_t K) {
  return E * ((N + kPanelOutputs - 1) / kPanelOutputs) * storedKernels(type).panelBytes(K);
}

void packStored(const void* W, int64_t type, const float* scales, int64_t E, int64_t N, int64_t K, void* packed) {
  const Weights w(W, type, false, scales, N, K);
  const int64_t panels = w.numPanels(), bytes = w.panelBytes();
  parallelFor(E * panels, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      w.packPanel(i / panels, i % panels, static_cast<uint8_t*>(packed) + i * bytes);
  });
}

void storedLinear(int64_t M, int64_t N, int64_t K, const void* X, int64_t xType, const void* W, int64_t wType,
                  bool packed, const float* scales, void* Y, int64_t yType, const float* bias, const void* residual,
                  int64_t residualType) {
  if (M <= 0 || N <= 0) return;
  const Weights w(W, wType, packed, scales, N, K);
  std::vector<RowGroup> groups{rowGroup(0, 0, M)};
  multiplyGroups(w, prepareRows(w.kernels, X, xType, M, K), groups,
                 {Y, yType, bias, residual, residual ? residualType : static_cast<int64_t>(kF32)});
}

void storedGroupedLinear(int64_t E, int64_t R, int64_t N, int64_t K, const void* X, int64_t xType, int64_t xRows,
                         const int32_t* rowIndex, const void* W, int64_t wType, bool packed, const float* scales,
                         const int32_t* offsets, void* Y, int64_t yType) {
  if (E <= 0 || R <= 0 || N <= 0) return;
  clearUngrouped(E, R, N, offsets, Y, yType);
  const Weights w(W, wType, packed, scales, N, K);
  ActivationRows rows = prepareRows(w.kernels, X, xType, xRows, K);
  rows.index = rowIndex;
  std::vector<RowGroup> groups;
  for (int64_t e = 0; e < E; ++e)
    if (offsets[e + 1] > offsets[e]) groups.push_back(rowGroup(e, offsets[e], offsets[e + 1] - offsets[e]));
  // The largest first: the last task to end is then a small one.
  std::stable_sort(groups.begin(), groups.end(),
                   [](const RowGroup& a, const RowGroup& b) { return a.count > b.count; });
  multiplyGroups(w, rows, groups, {Y, yType});
}

void storedLinearBackward(int64_t M, int64_t N, int64_t K, const void* dY, int64_t dyType, const void* W,
                          int64_t wType, bool packed, const float* scales, void* dX, int64_t dxType, bool accumulate) {
  const Weights w(W, wType, packed, scales, N, K);
  gemmFromSource(M, K, N, dY, dyType, StoredSource(w), dX, dxType, accumulate, dxType == kBf16);
}

void storedGroupedLinearBackward(int64_t E, int64_t R, int64_t N, int64_t K, const void* dY, int64_t dyType,
                                 const void* W, int64_t wType, bool packed, const float* scales,
                                 const int32_t* offsets, void* dX, int64_t dxType) {
  const Weights w(W, wType, packed, scales, N, K);
  groupedGemmFromSource(E, R, K, N, dY, dyType, StoredSource(w), offsets, dX, dxType, dxType == kBf16);
}

void storedRows(const void* W, int64_t wType, bool packed, const float* scales, int64_t N, int64_t K,
                const int32_t* ids, int64_t T, float* Y) {
  if (wType == kF32 || wType == kBf16) {
    dispatchType(wType, [&](auto tag) {
      using D = decltype(tag);
      for (int64_t t = 0; t < T; ++t) {
        if (packed) {
          unpackWords(static_cast<const float*>(W), wType == kBf16, K, ids[t], Y + t * K);
          continue;
        }
        const D* row = static_cast<const D*>(W) + ids[t] * K;
        eachVector(0, K, [&](int64_t i, auto lanes) { put(Y + t * K + i, get(row + i, lanes), lanes); });
      }
    });
    return;
  }
  const Weights w(W, wType, packed, scales, N, K);
  parallelFor(T, rowGrain(8 * K), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t n = ids[t];
      if (packed) {
        w.kernels.unpackRow(w.panel(0, n / kPanelOutputs), n % kPanelOutputs, K, Y + t * K);
        continue;
      }
      auto* scratch = static_cast<uint8_t*>(threadScratch(kScratchPanel, w.panelBytes()));
      w.kernels.pack(w.row(0, n), w.rowBytes(), 1, K, w.scalesOf(0, n), scratch);
      w.kernels.unpackRow(scratch, 0, K, Y + t * K);
    }
  });
}

}  // namespace luciole
