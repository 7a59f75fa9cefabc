// The walk of new query rows over a longer context, block by block, whatever the keys come from: paged heads, paged latents, expanded rows.
// A Source turns block i of a sequence into a KeyBlock; the walk knows nothing of memory layouts.
#pragma once
#include <vector>

#include "attention-tile.h"
#include "pool.h"

namespace luciole::attention {

inline constexpr int64_t kWalkRows = 192;         // query rows a task keeps in cache while the keys pass by
inline constexpr int64_t kWalkInline = 1 << 17;   // multiply-adds below which waking a thread costs more than it gives

/** Widths of one call. cuQueries [S+1]: the query rows of each sequence, the last at position lengthOf(s) - 1. */
struct WalkSizes {
  int64_t Hq, Hkv, Dk, Dv, group;
  float scale;
};

/** `queries` query positions of one sequence from row `firstQuery` of q on, all heads of a kv head; the first of them sees `visible` keys. */
struct WalkTask {
  int64_t sequence, kvHead, firstQuery, queries, visible;
  int64_t rows(const WalkSizes& z) const { return queries * z.group; }
  /** Keys that the last query sees. */
  int64_t seen() const { return visible + queries - 1; }
  int64_t blocks() const { return (seen() + kBlockKeys - 1) / kBlockKeys; }
  int64_t work() const { return queries * seen(); }
  int32_t keysAt(int64_t block) const { return static_cast<int32_t>(std::clamp<int64_t>(seen() - block * kBlockKeys, 0, kBlockKeys)); }
};

/** Tasks of every sequence and kv head, longest first; lengthOf(s) is the context of sequence s, its queries included. */
template <class F>
std::vector<WalkTask> walkTasks(const int32_t* cuQueries, int64_t S, const WalkSizes& z, F&& lengthOf) {
  std::vector<WalkTask> tasks;
  const int64_t most = std::max<int64_t>(1, kWalkRows / z.group);
  for (int64_t s = 0; s < S; ++s) {
    const int64_t begin = cuQueries[s], queries = cuQueries[s + 1] - begin, cached = lengthOf(s) - queries, chunks = (queries + most - 1) / most;
    for (int64_t c = 0; c < chunks; ++c) {
      const int64_t first = queries * c / chunks, count = queries * (c + 1) / chunks - first;
      for (int64_t h = 0; h < z.Hkv; ++h) tasks.push_back({s, h, begin + first, count, cached + first + 1});
    }
  }
  std::stable_sort(tasks.begin(), tasks.end(), [](const WalkTask& a, const WalkTask& b) { return a.work() > b.work(); });
  return tasks;
}

/** Folds one block into every query row of the task that sees some of it. */
template <bool Pairs>
void attendWalkBlock(const WalkTask& task, const WalkSizes& z, KeyBlock block, int64_t index, const float* queries, int64_t ldq, const Softmax& state) {
  const int64_t rows = task.rows(z), key = index * kBlockKeys, keys = task.keysAt(index);
  for (int64_t row = std::max<int64_t>(0, (key + 1 - task.visible) * z.group) / kTileRows * kTileRows; row < rows; row += kTileRows) {
    const int64_t count = std::min<int64_t>(kTileRows, rows - row);
    int32_t visible[kTileRows];
    for (int64_t r = 0; r < count; ++r) visible[r] = static_cast<int32_t>(std::clamp<int64_t>(task.visible + (row + r) / z.group - key, 0, keys));
    attendRows<Pairs>(count, queries + row * ldq, ldq, visible, block, state.at(row));
    block.nextKeys = block.nextValues = nullptr;  // fetched by the first rows
  }
}

/** One task from first key to last. Source: floats(z) of scratch, load(task, index, scratch, next task) -> KeyBlock. */
template <class Q, class Source>
void walk(const Q* q, Q* o, const WalkTask& task, const WalkTask* next, const WalkSizes& z, const Source& source) {
  constexpr bool Pairs = Source::kInPairs;
  using PackQueries = Packer<Q, Pairs>;
  const int64_t rows = task.rows(z), ldq = PackQueries::rowStride(z.Dk), ldo = padded(z.Dv), stateFloats = Softmax::size(rows, ldo);
  float* scratch = static_cast<float*>(threadScratch(0, sizeof(float) * (stateFloats + rows * ldq + source.floats())));
  const Softmax state = Softmax::in(scratch, rows, ldo);
  float *queries = scratch + stateFloats, *blocks = queries + rows * ldq;
  const int64_t firstRow = task.firstQuery * z.Hq + task.kvHead * z.group;
  PackQueries::rows({q + firstRow * z.Dk, task.queries, z.Hq * z.Dk, z.group, z.Dk}, z.scale, queries);
  for (int64_t i = 0, count = task.blocks(); i < count; ++i)
    attendWalkBlock<Pairs>(task, z, source.load(task, i, blocks, next), i, queries, ldq, state);
  for (int64_t p = 0, row = 0; p < task.queries; ++p)
    for (int64_t g = 0; g < z.group; ++g, ++row) state.at(row).finish(o + (firstRow + p * z.Hq + g) * z.Dv, z.Dv, nullptr);
}

/** All tasks, on all threads. */
template <class Q, class Source>
void walkAll(const Q* q, Q* o, const std::vector<WalkTask>& tasks, const WalkSizes& z, const Source& source) {
  int64_t work = 0;
  for (const WalkTask& task : tasks) work += task.work() * (z.group + 4) * (z.Dk + z.Dv);
  const int64_t count = static_cast<int64_t>(tasks.size()), grain = work < kWalkInline ? count : taskGrain(count, z.Hkv);
  parallelFor(count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) walk(q, o, tasks[i], i + 1 < end ? &tasks[i + 1] : nullptr, z, source);
  });
}

}  // namespace luciole::attention
