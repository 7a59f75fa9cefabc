// The walk of new query rows over a longer context, block by block, whatever the keys come from: paged heads, paged latents, expanded rows.
// Knows nothing of memory layouts. A Source turns block i of a task into what its Products read (FloatProducts below is the usual kind):
//   floats()                                               scratch that one block takes
//   keys(task, i, scratch, next) -> Products::Block        the keys; `next` is the task that follows, to fetch ahead
//   values(block, task, i, column, columns, scratch, next) adds some columns of the values; in walk all of them, to a block that has its keys
//   valueLines(task, i, column, columns) -> RowLines       where those lie
#pragma once
#include <vector>

#include "attention-tile.h"
#include "pool.h"
#include "scratch.h"

namespace luciole::attention {

inline constexpr int64_t kWalkRows = 192;        // query rows a task keeps in cache while the keys pass by
inline constexpr int64_t kWalkInline = 1 << 17;  // multiply-adds below which waking a thread costs more than it gives
inline constexpr int64_t kSharedBlocks = 32;     // blocks whose scores are held at once when a task is shared by all threads

/** Widths of one call. */
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
  /** Where the first tile of rows begins of which one sees a key of the block. */
  int64_t firstRow(const WalkSizes& z, int64_t block, int64_t tileRows = kTileRows) const {
    return std::max<int64_t>(0, (block * kBlockKeys + 1 - visible) * z.group) / tileRows * tileRows;
  }
  /** Keys of the block that each of `count` rows from `row` on sees. */
  void visibleAt(const WalkSizes& z, int64_t block, int64_t row, int64_t count, int32_t* out) const {
    for (int64_t r = 0; r < count; ++r)
      out[r] = static_cast<int32_t>(std::clamp<int64_t>(visible + (row + r) / z.group - block * kBlockKeys, 0, keysAt(block)));
  }
};

/** Tasks of every sequence and kv head, longest first; lengthOf(s) is the context of sequence s, its queries cuQueries[s] .. included. */
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

/** Whether tasks handed out whole, longest first, keep all threads busy to the end, or nearly. */
inline bool keepBusy(const std::vector<WalkTask>& tasks) {
  std::vector<int64_t> loads(threadCount(), 0);
  int64_t total = 0;
  for (const WalkTask& task : tasks) {
    *std::min_element(loads.begin(), loads.end()) += task.work();
    total += task.work();
  }
  return 4 * static_cast<int64_t>(loads.size()) * *std::max_element(loads.begin(), loads.end()) <= 5 * total;
}

/** The products of attention-tile.h, in f32 or in pairs of bf16. */
template <bool Pairs>
struct FloatProducts {
  using Block = KeyBlock;
  static constexpr int64_t kRows = kTileRows;  // query rows taken at once
  static constexpr int64_t kSpanColumns = 64;  // columns of the output that one thread sums of a shared task
  static int64_t rowStride(const WalkSizes& z) { return padded(words<Pairs>(z.Dk)); }
  template <class Q>
  static void pack(const HeadRows<Q>& x, const WalkSizes& z, float* out) {
    Packer<Q, Pairs>::rows(x, z.scale, out);
  }
  static void attend(int64_t rows, const float* q, int64_t ldq, const int32_t* visible, const Block& block, const Softmax& state) {
    attendRows<Pairs>(rows, q, ldq, visible, block, state);
  }
  static void score(int64_t rows, const float* q, int64_t ldq, int64_t keys, const Block& block, float* scores) {
    scoreRows<Pairs>(rows, q, ldq, keys, block, scores);
  }
  static void soften(int64_t rows, const int32_t* visible, float scale, float* scores, const Softmax& state, float* alpha) {
    softenRows<Pairs>(rows, visible, scale, scores, state, alpha);
  }
  static void addValues(int64_t rows, const float* p, const float* alpha, int64_t keys, const Block& block, float* out, int64_t ldo) {
    addValueRows<Pairs>(rows, p, alpha, keys, block, out, ldo);
  }
};

/** The rows of one task: packed queries, and the softmax they are folded into. */
template <class Products>
struct WalkRows {
  float* queries;
  int64_t ldq;
  Softmax state;

  static int64_t floats(int64_t rows, const WalkSizes& z) { return Softmax::size(rows, padded(z.Dv)) + roundUp(rows, Products::kRows) * Products::rowStride(z); }

  template <class Q>
  static WalkRows in(float* scratch, const Q* q, const WalkTask& task, const WalkSizes& z) {
    const int64_t rows = task.rows(z), ldo = padded(z.Dv);
    const WalkRows out{scratch + Softmax::size(rows, ldo), Products::rowStride(z), Softmax::in(scratch, rows, ldo)};
    const Q* first = q + (task.firstQuery * z.Hq + task.kvHead * z.group) * z.Dk;
    Products::pack(HeadRows<Q>{first, task.queries, z.Hq * z.Dk, z.group, z.Dk}, z, out.queries);
    return out;
  }

  /** The same queries, folded into another softmax. */
  WalkRows with(const Softmax& other) const { return {queries, ldq, other}; }

  template <class Q>
  void finish(Q* o, const WalkTask& task, const WalkSizes& z) const {
    const int64_t firstRow = task.firstQuery * z.Hq + task.kvHead * z.group;
    for (int64_t p = 0, row = 0; p < task.queries; ++p)
      for (int64_t g = 0; g < z.group; ++g, ++row) state.at(row).finish(o + (firstRow + p * z.Hq + g) * z.Dv, z.Dv, nullptr);
  }
};

/** Folds blocks [first, end) of a task into the softmax of its rows; `room`: the source's scratch. */
template <class Source>
void attendBlocks(const WalkTask& task, int64_t first, int64_t end, const WalkTask* next, const WalkSizes& z, const Source& source,
                  const WalkRows<typename Source::Products>& own, float* room) {
  using Products = typename Source::Products;
  const int64_t rows = task.rows(z);
  for (int64_t i = first; i < end; ++i) {
    typename Products::Block block = source.keys(task, i, room, next);
    source.values(block, task, i, 0, z.Dv, room, next);
    for (int64_t row = task.firstRow(z, i, Products::kRows); row < rows; row += Products::kRows) {
      const int64_t tile = std::min<int64_t>(Products::kRows, rows - row);
      int32_t visible[Products::kRows];
      task.visibleAt(z, i, row, tile, visible);
      Products::attend(tile, own.queries + row * own.ldq, own.ldq, visible, block, own.state.at(row));
      block.nextRows();
    }
  }
}

/** One task by one thread, from first key to last. */
template <class Q, class Source>
void walk(const Q* q, Q* o, const WalkTask& task, const WalkTask* next, const WalkSizes& z, const Source& source) {
  using Rows = WalkRows<typename Source::Products>;
  const int64_t floats = Rows::floats(task.rows(z), z);
  float* scratch = static_cast<float*>(threadScratch(0, sizeof(float) * (floats + source.floats())));
  const Rows own = Rows::in(scratch, q, task, z);
  attendBlocks(task, 0, task.blocks(), next, z, source, own, scratch + floats);
  own.finish(o, task, z);
}

/**
 * One task by all threads, a span of blocks at a time: scores block by block, then the softmax of each row over the span, then the sums over
 * values, in columns. Each number is made by the same operations in the same order as in `walk`.
 */
template <class Q, class Source>
class SharedWalk {
  using Products = typename Source::Products;
  using Rows = WalkRows<Products>;
  static constexpr int64_t kSpanColumns = Products::kSpanColumns;

 public:
  SharedWalk(const WalkTask& task, const WalkSizes& z, const Source& source) : task_(task), z_(z), source_(source), rows_(task.rows(z)) {}

  void run(const Q* q, Q* o) {
    static thread_local SharedScratch<float> shared;
    const int64_t tiles = (rows_ + kTileRows - 1) / kTileRows, span = std::min(kSharedBlocks, task_.blocks());
    float* scratch = shared.get(Rows::floats(rows_, z_) + span * (rows_ * kBlockKeys + tiles * kAlphaRows));
    own_ = Rows::in(scratch, q, task_, z_);
    scores_ = scratch + Rows::floats(rows_, z_), alpha_ = scores_ + span * rows_ * kBlockKeys;
    std::fill_n(alpha_, span * tiles * kAlphaRows, 0.0f);
    tiles_ = tiles;
    for (int64_t first = 0; first < task_.blocks(); first += kSharedBlocks) {
      const int64_t end = std::min(task_.blocks(), first + kSharedBlocks), columns = (z_.Dv + kSpanColumns - 1) / kSpanColumns;
      const int64_t grain = std::max<int64_t>(1, (end - first) / (4 * threadCount()));  // neighbours, so that what is fetched ahead is used
      parallelFor(end - first, grain, [&](int64_t from, int64_t to) { eachBlock(first, from, to, [&](int64_t i, int64_t slot) { scoreBlock(i, slot); }); });
      parallelFor(tiles, 1, [&](int64_t from, int64_t to) {
        for (int64_t tile = from; tile < to; ++tile) eachBlock(first, 0, end - first, [&](int64_t i, int64_t slot) { softenTile(i, slot, tile * kTileRows); });
      });
      parallelFor(columns, 1, [&](int64_t from, int64_t to) {
        for (int64_t c = from; c < to; ++c) eachBlock(first, 0, end - first, [&](int64_t i, int64_t slot) { sumColumns(i, slot, c * kSpanColumns); });
      });
    }
    own_.finish(o, task_, z_);
  }

 private:
  template <class F>
  static void eachBlock(int64_t first, int64_t from, int64_t to, F&& body) {
    for (int64_t slot = from; slot < to; ++slot) body(first + slot, slot);
  }
  float* room() const { return static_cast<float*>(threadScratch(0, sizeof(float) * source_.floats())); }
  float* scoresOf(int64_t slot, int64_t row) const { return scores_ + (slot * rows_ + row) * kBlockKeys; }
  float* alphaOf(int64_t slot, int64_t row) const { return alpha_ + (slot * tiles_ + row / kTileRows) * kAlphaRows; }
  int64_t tileAt(int64_t row) const { return std::min<int64_t>(kTileRows, rows_ - row); }
  /** Keys of the block that the last row of the tile sees. */
  int64_t keysOf(int64_t i, int64_t row) const {
    int32_t visible;
    task_.visibleAt(z_, i, row + tileAt(row) - 1, 1, &visible);
    return visible;
  }

  void scoreBlock(int64_t i, int64_t slot) const {
    typename Products::Block block = source_.keys(task_, i, room(), nullptr);
    for (int64_t row = task_.firstRow(z_, i); row < rows_; row += kTileRows, block.nextRows())
      Products::score(tileAt(row), own_.queries + row * own_.ldq, own_.ldq, keysOf(i, row), block, scoresOf(slot, row));
  }

  void softenTile(int64_t i, int64_t slot, int64_t row) const {
    if (row < task_.firstRow(z_, i)) return;
    int32_t visible[kTileRows];
    task_.visibleAt(z_, i, row, tileAt(row), visible);
    Products::soften(tileAt(row), visible, z_.scale, scoresOf(slot, row), own_.state.at(row), alphaOf(slot, row));
  }

  void sumColumns(int64_t i, int64_t slot, int64_t column) const {
    const int64_t columns = std::min(kSpanColumns, z_.Dv - column);
    typename Products::Block block{};
    source_.values(block, task_, i, column, columns, room(), nullptr);
    Lookahead ahead;
    if (i + 1 < task_.blocks()) ahead.add(source_.valueLines(task_, i + 1, column, columns));
    ahead.spreadOver((rows_ + kTileRows - 1) / kTileRows);
    for (int64_t row = task_.firstRow(z_, i); row < rows_; row += kTileRows, ahead.step())
      Products::addValues(tileAt(row), scoresOf(slot, row), alphaOf(slot, row), keysOf(i, row), block, own_.state.at(row).out + column, own_.state.ldo);
  }

  const WalkTask& task_;
  const WalkSizes& z_;
  const Source& source_;
  int64_t rows_, tiles_ = 0;
  Rows own_{};
  float *scores_ = nullptr, *alpha_ = nullptr;
};

/** Whether tasks are many or small enough to be handed to threads whole. */
inline bool goWhole(const std::vector<WalkTask>& tasks, int64_t work) { return work < kWalkInline || keepBusy(tasks); }

/** Multiply-adds of all tasks, or nearly. */
inline int64_t workOf(const std::vector<WalkTask>& tasks, const WalkSizes& z) {
  int64_t work = 0;
  for (const WalkTask& task : tasks) work += task.work() * (z.group + 4) * (z.Dk + z.Dv);
  return work;
}

/** Calls body(task, the one that follows on the same thread or null) for every task, on all threads. */
template <class F>
void eachTask(const std::vector<WalkTask>& tasks, int64_t work, const WalkSizes& z, F&& body) {
  const int64_t count = static_cast<int64_t>(tasks.size()), grain = work < kWalkInline ? count : taskGrain(count, z.Hkv);
  parallelFor(count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(tasks[i], i + 1 < end ? &tasks[i + 1] : nullptr);
  });
}

/** All tasks, on all threads: whole tasks where there are enough of them, else one task after the other, each shared by all threads. */
template <class Q, class Source>
void walkAll(const Q* q, Q* o, const std::vector<WalkTask>& tasks, const WalkSizes& z, const Source& source) {
  const int64_t work = workOf(tasks, z);
  if (goWhole(tasks, work)) return eachTask(tasks, work, z, [&](const WalkTask& task, const WalkTask* next) { walk(q, o, task, next, z, source); });
  for (const WalkTask& task : tasks) SharedWalk<Q, Source>(task, z, source).run(q, o);
}

}  // namespace luciole::attention
