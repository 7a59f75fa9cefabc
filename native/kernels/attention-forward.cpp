// Attention over packed sequences, forward. See attention.h.
#include <vector>

#include "attention-tile.h"
#include "attention.h"
#include "dtype.h"
#include "pool.h"

namespace luciole {
namespace {

using namespace attention;

constexpr int64_t kTaskRows = 192;        // query rows a task keeps in cache while the keys pass by
constexpr int64_t kInlineWork = 1 << 18;  // multiply-adds below which waking a thread costs more than it gives

struct Sizes {
  int64_t Hq, Hkv, Dqk, Dv, group;
  float scale;
  bool causal;
  int64_t window;  // keys that a query sees at most; 0: all up to its own
  float softCap;   // of scores; 0: none
};

struct Task {
  int64_t begin, end;        // tokens of the sequence
  int64_t first, positions;  // the task's query positions, counted from `begin`
  int64_t kvHead;
  int64_t work(const Sizes& z) const { return positions * (first + positions - firstBlock(z)); }
  /** Keys that its last query sees. */
  int64_t seen(bool causal) const { return causal ? first + positions : end - begin; }
  /** First key of the first block that any of its queries sees. */
  int64_t firstBlock(const Sizes& z) const {
    return z.window > 0 ? std::max<int64_t>(0, first + 1 - z.window) / kBlockKeys * kBlockKeys : 0;
  }
  /**
   * The first row that sees one of the keys from `key` on, and the row after the last that sees one of those before
   * `end`.
   */
  int64_t firstSeeing(int64_t key, const Sizes& z) const {
    return z.causal ? std::max<int64_t>(0, (key - first) * z.group) : 0;
  }
  int64_t lastSeeing(int64_t end, const Sizes& z) const {
    const int64_t rows = positions * z.group;
    return z.window > 0 ? std::clamp<int64_t>((end - 1 + z.window - first) * z.group, 0, rows) : rows;
  }
  /** Row of [T, Hq] of its first query head. */
  int64_t firstRow(int64_t Hq, int64_t group) const { return (begin + first) * Hq + kvHead * group; }
};

std::vector<Task> split(const int32_t* cuSeqlens, int64_t numSeqs, const Sizes& sizes) {
  std::vector<Task> tasks;
  const int64_t most = std::max<int64_t>(1, kTaskRows / sizes.group);
  for (int64_t i = 0; i < numSeqs; ++i) {
    const int64_t begin = cuSeqlens[i], length = cuSeqlens[i + 1] - begin, blocks = (length + most - 1) / most;
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t h = 0; h < sizes.Hkv; ++h)
        tasks.push_back(
            {begin, begin + length, length * b / blocks, length * (b + 1) / blocks - length * b / blocks, h});
  }
  std::stable_sort(tasks.begin(), tasks.end(),
                   [&](const Task& a, const Task& b) { return a.work(sizes) > b.work(sizes); });
  return tasks;
}

template <class T>
struct Tensors {
  const T *q, *k, *v;
  T* o;
  float* lse;
};

template <class T>
RowLines keyLines(const Tensors<T>& t, const Task& task, const Sizes& z, int64_t key) {
  return {t.k + ((task.begin + key) * z.Hkv + task.kvHead) * z.Dqk, std::min(kBlockKeys, task.seen(z.causal) - key),
          z.Dqk, z.Hkv * z.Dqk};
}
template <class T>
RowLines valueLines(const Tensors<T>& t, const Task& task, const Sizes& z, int64_t key) {
  return {t.v + ((task.begin + key) * z.Hkv + task.kvHead) * z.Dv, std::min(kBlockKeys, task.seen(z.causal) - key),
          z.Dv, z.Hkv * z.Dv};
}

/**
 * What follows the block at `key`: the task's next block, else its output and the start of the next task, if that is
 * known.
 */
template <class T>
Lookahead linesAfter(const Tensors<T>& t, const Task& task, const Task* next, const Sizes& z, int64_t key) {
  Lookahead lines;
  if (key + kBlockKeys < task.seen(z.causal)) {
    lines.add(keyLines(t, task, z, key + kBlockKeys));
    lines.add(valueLines(t, task, z, key + kBlockKeys));
    return lines;
  }
  lines.add({t.o + task.firstRow(z.Hq, z.group) * z.Dv, task.positions, z.group * z.Dv, z.Hq * z.Dv});
  if (!next) return lines;
  lines.add({t.q + next->firstRow(z.Hq, z.group) * z.Dqk, next->positions, z.group * z.Dqk, z.Hq * z.Dqk});
  lines.add(keyLines(t, *next, z, next->firstBlock(z)));
  lines.add(valueLines(t, *next, z, next->firstBlock(z)));
  return lines;
}

/** Folds one packed key block, `keys` keys from `key` on, into every query row of the task that sees it. */
template <bool Pairs>
void attendBlock(const Task& task, const Sizes& z, const KeyBlock& block, int64_t key, int64_t keys,
                 const float* queries, const Softmax& state, Lookahead& ahead) {
  const int64_t ldq = padded(words<Pairs>(z.Dqk)), first = task.firstSeeing(key, z) / kTileRows * kTileRows,
                last = task.lastSeeing(key + keys, z);
  ahead.spreadOver((last - first + kTileRows - 1) / kTileRows);
  for (int64_t row = first; row < last; row += kTileRows, ahead.step()) {
    const int64_t count = std::min<int64_t>(kTileRows, last - row);
    int32_t visible[kTileRows], hidden[kTileRows];
    for (int64_t r = 0; r < count; ++r) {
      const int64_t own = task.first + (row + r) / z.group + 1 - key;
      visible[r] = static_cast<int32_t>(z.causal ? std::clamp<int64_t>(own, 0, keys) : keys);
      hidden[r] = static_cast<int32_t>(std::clamp<int64_t>(own - z.window, 0, keys));
    }
    attendRows<Pairs>(count, queries + row * ldq, ldq, {visible, z.window > 0 ? hidden : nullptr}, block,
                      state.at(row));
  }
}

template <class T>
void attendTask(const Tensors<T>& t, const Task& task, const Task* next, const Sizes& z) {
  constexpr bool Pairs = kPairs<T>;
  using Pack = Packer<T, Pairs>;
  const int64_t rows = task.positions * z.group, ldq = Pack::rowStride(z.Dqk), ldo = padded(z.Dv),
                seen = task.seen(z.causal);
  const int64_t stateFloats = roundUp(Softmax::size(rows, ldo), 16), firstRow = task.firstRow(z.Hq, z.group);
  float* scratch = static_cast<float*>(threadScratch(
      0, sizeof(float) * (2 * stateFloats + rows * ldq + words<Pairs>(z.Dqk) * kBlockKeys + kBlockKeys * ldo)));
  const Softmax all = Softmax::in(scratch, rows, ldo);
  float *keysT = scratch + 2 * stateFloats, *values = keysT + words<Pairs>(z.Dqk) * kBlockKeys,
        *queries = values + kBlockKeys * ldo;
  Pack::rows({t.q + firstRow * z.Dqk, task.positions, z.Hq * z.Dqk, z.group, z.Dqk}, z.scale, queries);
  const int64_t begin = task.firstBlock(z);
  for (int64_t span = begin / kSpanKeys * kSpanKeys; span < seen; span += kSpanKeys) {
    const Softmax state = span <= begin ? all : Softmax::in(scratch + stateFloats, rows, ldo);
    for (int64_t key = std::max(span, begin); key < std::min(seen, span + kSpanKeys); key += kBlockKeys) {
      const int64_t keys = std::min(kBlockKeys, seen - key), head = (task.begin + key) * z.Hkv + task.kvHead;
      Pack::transposed({t.k + head * z.Dqk, keys, z.Hkv * z.Dqk, 1, z.Dqk}, keysT);
      Pack::stacked({t.v + head * z.Dv, keys, z.Hkv * z.Dv, 1, z.Dv}, values);
      Lookahead ahead = linesAfter(t, task, next, z, key);
      attendBlock<Pairs>(task, z, {keysT, z.Dqk, values, ldo, ldo / kLanes, z.scale, z.softCap}, key, keys, queries,
                         state, ahead);
    }
    if (span > begin) all.fold(state, task.firstSeeing(span, z), task.lastSeeing(span + kSpanKeys, z));
  }
  for (int64_t p = 0, row = 0; p < task.positions; ++p)
    for (int64_t g = 0; g < z.group; ++g, ++row) {
      const int64_t at = firstRow + p * z.Hq + g;
      all.at(row).finish(t.o + at * z.Dv, z.Dv, t.lse ? t.lse + at : nullptr);
    }
}

}  // namespace

void attentionForward(const void* q, const void* k, const void* v, int64_t type, void* o, float* lse,
                      const int32_t* cuSeqlens, int64_t numSeqs, int64_t T, int64_t Hq, int64_t Hkv, int64_t Dqk,
                      int64_t Dv, float scale, bool causal, int64_t window, float softCap) {
  if (T == 0 || Hq == 0 || Hkv == 0) return;
  const Sizes sizes{Hq, Hkv, Dqk, Dv, Hq / Hkv, scale, causal, window, softCap};
  const std::vector<Task> tasks = split(cuSeqlens, numSeqs, sizes);
  int64_t work = 0;
  for (const Task& task : tasks) work += task.work(sizes);
  const int64_t count = static_cast<int64_t>(tasks.size()),
                grain = work * sizes.group * (Dqk + Dv) < kInlineWork ? count : taskGrain(count, Hkv);
  dispatchType(type, [&](auto tag) {
    using E = decltype(tag);
    const Tensors<E> tensors{static_cast<const E*>(q), static_cast<const E*>(k), static_cast<const E*>(v),
                             static_cast<E*>(o), lse};
    parallelFor(count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) attendTask(tensors, tasks[i], i + 1 < end ? &tasks[i + 1] : nullptr, sizes);
    });
  });
}

}  // namespace luciole
