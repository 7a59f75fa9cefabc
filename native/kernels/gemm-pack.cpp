// See gemm-pack.h.
#include "gemm-pack.h"

#include "dtype.h"
#include "gemm-words.h"

namespace luciole {
namespace {

/** [outer, k] storage to one packed row per outer index. */
template <class T, bool Bf16>
void packRows(const Operand& x, int64_t k0, int64_t kCount, const Panels& panels, int64_t first, int64_t last,
              float* dst, int64_t panelWords) {
  using W = Words<T, Bf16>;
  for (int64_t panel = first; panel < last; ++panel) {
    float* row = dst + panel * panelWords;
    for (int64_t i = panels.at(panel), end = panels.at(panel + 1); i < end; ++i, row += kRowStride) {
      const T* src = storedRow<T>(x, i) + k0;
      float* out = row;
      int64_t k = 0;
      for (; k + W::kStep <= kCount; k += W::kStep, out += kLanes) store(out, W::along(src + k));
      if (k < kCount) store(out, W::alongPart(src + k, static_cast<int>(kCount - k)));
    }
  }
}

/** The columns of a few panels that one sweep over k packs: rows are read in order and in long stretches. */
constexpr int kSweepPanels = 16;
constexpr int64_t kSweepAheadBytes = 4096;

/** [k, outer] storage to `Stride` words per k. */
template <class T, bool Bf16, int Stride>
void packSweep(const Operand& x, int64_t k0, int64_t kCount, const int64_t* bounds, int64_t numPanels, float* dst,
               int64_t panelWords) {
  using W = Words<T, Bf16>;
  const int64_t begin = bounds[0], width = bounds[numPanels] - begin;
  const int64_t rowsAhead = kSweepAheadBytes / (width * static_cast<int64_t>(sizeof(T))) + 2;
  for (int64_t k = 0; k < kCount; k += W::kElements, dst += Stride) {
    const T* p = storedRow<T>(x, k0 + k);
    const T* q = W::kPairs && k + 1 < kCount ? storedRow<T>(x, k0 + k + 1) : nullptr;
    for (int64_t e = 0; e < W::kElements; ++e) {
      if (k + e + rowsAhead >= kCount) break;
      const T* later = storedRow<T>(x, k0 + k + e + rowsAhead) + begin;
      for (int64_t j = 0; j < width; j += 64 / sizeof(T)) __builtin_prefetch(later + j);
    }
    float* out = dst;
    for (int64_t panel = 0; panel < numPanels; ++panel, out += panelWords) {
      for (int64_t j = bounds[panel], end = bounds[panel + 1], at = 0; j < end; j += kLanes, at += kLanes) {
        const int n = static_cast<int>(end - j < kLanes ? end - j : kLanes);
        store(out + at, W::across(p + j, q ? q + j : q, n));
      }
    }
  }
}

template <class T, bool Bf16, int Stride>
void packColumns(const Operand& x, int64_t k0, int64_t kCount, const Panels& panels, int64_t first, int64_t last,
                 float* dst, int64_t panelWords) {
  for (int64_t panel = first; panel < last; panel += kSweepPanels) {
    const int64_t count = last - panel < kSweepPanels ? last - panel : kSweepPanels;
    int64_t bounds[kSweepPanels + 1];
    for (int64_t i = 0; i <= count; ++i) bounds[i] = panels.at(panel + i);
    packSweep<T, Bf16, Stride>(x, k0, kCount, bounds, count, dst + panel * panelWords, panelWords);
  }
}

/** [outer, k] storage to kPanelColumns words per k. Writes whole blocks of kLanes words of k. */
template <class T, bool Bf16>
void packTransposed(const Operand& x, int64_t k0, int64_t kCount, const Panels& panels, int64_t first, int64_t last,
                    float* dst, int64_t panelWords) {
  for (int64_t panel = first; panel < last; ++panel) {
    float* columns = dst + panel * panelWords;
    for (int64_t j = panels.at(panel), end = panels.at(panel + 1); j < end; j += kLanes, columns += kLanes) {
      const T* rows[kLanes];
      for (int i = 0; i < kLanes; ++i) rows[i] = j + i < end ? storedRow<T>(x, j + i) + k0 : nullptr;
      float* out = columns;
      for (int64_t k = 0; k < kCount; k += Words<T, Bf16>::kStep, out += kLanes * kPanelColumns) {
        vf block[kLanes];
        loadTurned<T, Bf16>(rows, j + kLanes <= end, k, kCount, block);
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) store(out + i * kPanelColumns, block[i]);
      }
    }
  }
}

}  // namespace

void prefetchRows(const Operand& x, int64_t k0, int64_t kCount, int64_t begin, int64_t end) {
  const int64_t size = sizeOf(x.type), bytes = kCount * size;
  for (int64_t row = begin; row < end; ++row) {
    const char* p = static_cast<const char*>(x.data) + ((x.index ? x.index[row] : row) * x.ld + k0) * size;
    for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(p + at);
  }
}

PackFunction packerOfA(const Operand& a, bool bf16Compute) {
  return dispatchType(a.type, [&](auto tag) -> PackFunction {
    using T = decltype(tag);
    if (a.kContiguous) return bf16Compute ? packRows<T, true> : packRows<T, false>;
    return bf16Compute ? packColumns<T, true, kColumnStride> : packColumns<T, false, kColumnStride>;
  });
}

PackFunction packerOfB(const Operand& b, bool bf16Compute) {
  return dispatchType(b.type, [&](auto tag) -> PackFunction {
    using T = decltype(tag);
    if (b.kContiguous) return bf16Compute ? packTransposed<T, true> : packTransposed<T, false>;
    return bf16Compute ? packColumns<T, true, kPanelColumns> : packColumns<T, false, kPanelColumns>;
  });
}

}  // namespace luciole
