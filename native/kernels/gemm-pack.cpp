// See gemm-pack.h.
#include "gemm-pack.h"

#include <algorithm>

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

/** Columns [0, columns) of a source's block, turned: words of kLanes columns at out + w·kPanelColumns for each w. */
template <bool Bf16>
void turnBlock(const float* block, int64_t columns, int64_t firstWord, int64_t lastWord, float* out) {
  using W = Words<float, Bf16>;
  constexpr int64_t words = kSourceRows / W::kElements;
  for (int64_t w = 0; w < words; w += kLanes) {
    vf turned[kLanes];
#pragma GCC unroll 16
    for (int c = 0; c < kLanes; ++c)
      turned[c] = c < columns ? W::along(block + c * kSourceRows + w * W::kElements) : vf{};
    transposeBlock(turned);
    for (int64_t i = 0; i < kLanes; ++i)
      if (w + i >= firstWord && w + i < lastWord) store(out + (w + i) * kPanelColumns, turned[i]);
  }
}

/** Rows k .. k+31 of what packWeights made, by columns; zero past the last. */
void unpackBlock(const Source& source, int64_t expert, int64_t k, int64_t n, int64_t columns, float* out) {
  const auto& w = static_cast<const PackedWeightsSource&>(source);
  const int64_t perWord = elementsPerWord(w.isBf16), panelWords = w.K / perWord * kPanelColumns;
  const float* panels = w.panels + expert * w.N * (w.K / perWord);
  for (int64_t c = 0; c < columns; ++c, out += kSourceRows)
    for (int i = 0; i < kSourceRows; i += kLanes) {
      const int64_t row = k + i;
      if (row >= w.N) {
        store(out + i, vf{});
        continue;
      }
      const vf words = load(panels + row / kPanelColumns * panelWords + (n + c) / perWord * kPanelColumns +
                            row % kPanelColumns);
      if (perWord == 1) {
        store(out + i, words);
      } else {
        const vi bits = reinterpret_cast<const vi&>(words);
        const vi number = (n + c) % 2 ? bits & static_cast<int32_t>(0xffff0000) : bits << 16;
        store(out + i, reinterpret_cast<const vf&>(number));
      }
    }
}

/** Panels of a B that a source makes; words of pairs need an even k0. */
template <bool Bf16>
void packSource(const Operand& x, int64_t k0, int64_t kCount, const Panels& panels, int64_t first, int64_t last,
                float* dst, int64_t panelWords) {
  constexpr int64_t perWord = Words<float, Bf16>::kElements;
  alignas(64) float block[kSourceRows * (kSourceColumns + 4)];
  const int64_t begin = panels.at(first), end = panels.at(last), wordsEnd = (kCount + perWord - 1) / perWord;
  for (int64_t k = k0 / kSourceRows * kSourceRows; k < k0 + kCount; k += kSourceRows) {
    const int64_t shift = (k0 - k) / perWord;  // words of the block before the first that is wanted
    for (int64_t n = begin; n < end;) {
      const int64_t stop = std::min(end, (n / kSourceColumns + 1) * kSourceColumns);
      x.source->block(*x.source, x.expert, k, n, stop - n, block);
      for (int64_t c = 0; c < stop - n; c += kLanes) {
        const int64_t column = n - begin + c;
        float* out = dst + (first + column / kPanelColumns) * panelWords + column % kPanelColumns;
        turnBlock<Bf16>(block + c * kSourceRows, stop - n - c, shift, shift + wordsEnd, out - shift * kPanelColumns);
      }
      n = stop;
    }
  }
}

}  // namespace

PackedWeightsSource::PackedWeightsSource(const void* packed, int64_t type, int64_t numRows, int64_t width)
    : Source{unpackBlock}, panels(static_cast<const float*>(packed)), isBf16(type == kBf16), N(numRows), K(width) {}

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
  if (b.source) return bf16Compute ? packSource<true> : packSource<false>;
  return dispatchType(b.type, [&](auto tag) -> PackFunction {
    using T = decltype(tag);
    if (b.kContiguous) return bf16Compute ? packTransposed<T, true> : packTransposed<T, false>;
    return bf16Compute ? packColumns<T, true, kPanelColumns> : packColumns<T, false, kPanelColumns>;
  });
}

}  // namespace luciole
