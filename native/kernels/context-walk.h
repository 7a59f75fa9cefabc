// The walk of new query rows over a longer context, block by block, whatever the keys come from: paged heads, paged latents, expanded rows.
// Knows nothing of memory layouts. A Source turns block i of a task into what its Products read (FloatProducts below is the usual kind):
//   floats()                                               scratch that one block takes
//   keys(task, i, scratch, next) -> Products::Block        the keys; `next` is what is read after them, to fetch ahead
//   values(block, task, i, column, columns, scratch, next) adds some columns of the values; a block without keys was not read before
//   valueLines(task, i, column, columns) -> RowLines       where those lie
#pragma once
#include <vector>

#include "attention-tile.h"
#include "pool.h"
#include "scratch.h"

namespace luciole::attention {

inline constexpr int64_t kWalkRows = 192;        // query rows a thread keeps in cache while the keys pass by
inline constexpr int64_t kWalkHeads = 16;        // tasks of one sequence's heads that it takes side by side
inline constexpr int64_t kWalkInline = 1 << 17;  // multiply-adds below which waking a thread costs more than it gives
inline constexpr int64_t kSpanBlocks = 32;       // blocks whose scores are held at once when a task is shared by all threads

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
  /** The first tile of rows of which one sees a key of the block. */
  int64_t firstRow(const WalkSizes& z, int64_t block) const {
    return std::max<int64_t>(0, (block * kBlockKeys + 1 - visible) * z.group) / kTileRows * kTileRows;
  }
  /** Keys of the block that each of `count` rows from `row` on sees. */
  void visibleAt(const WalkSizes& z, int64_t block, int64_t row, int64_t count, int32_t* out) const {
    for (int64_t r = 0; r < count; ++r)
      out[r] = static_cast<int32_t>(std::clamp<int64_t>(visible + (row + r) / z.group - block * kBlockKeys, 0, keysAt(block)));
  }
};

/** A block of a task to read next; no task: nothing. */
struct WalkStep {
  const WalkTask* task = nullptr;
  int64_t block = 0;
};

/** Tasks of every sequence and kv head, longest first, a sequence's heads together; lengthOf(s) is the context of sequence s, its queries cuQueries[s] .. included. */
template <class F>
std::vector<WalkTask> walkTasks(const int32_t* cuQueries, int64_t S, const WalkSizes& z, F&& lengthOf) {
  std::vector<WalkTask> chunks;
  const int64_t most = std::max<int64_t>(1, kWalkRows / z.group);
  for (int64_t s = 0; s < S; ++s) {
    const int64_t begin = cuQueries[s], queries = cuQueries[s + 1] - begin, cached = lengthOf(s) - queries, parts = (queries + most - 1) / most;
    for (int64_t c = 0; c < parts; ++c) {
      const int64_t first = queries * c / parts, count = queries * (c + 1) / parts - first;
      chunks.push_back({s, 0, begin + first, count, cached + first + 1});
    }
  }
  std::stable_sort(chunks.begin(), chunks.end(), [](const WalkTask& a, const WalkTask& b) { return a.work() > b.work(); });
  std::vector<WalkTask> tasks;
  tasks.reserve(chunks.size() * z.Hkv);
  for (WalkTask task : chunks)
    for (; task.kvHead < z.Hkv; ++task.kvHead) tasks.push_back(task);
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

  static int64_t floats(int64_t rows, const WalkSizes& z) { return Softmax::size(rows, padded(z.Dv)) + rows * Products::rowStride(z); }

  template <class Q>
  static WalkRows in(float* scratch, const Q* q, const WalkTask& task, const WalkSizes& z) {
    const int64_t rows = task.rows(z), ldo = padded(z.Dv);
    const WalkRows out{scratch + Softmax::size(rows, ldo), Products::rowStride(z), Softmax::in(scratch, rows, ldo)};
    const Q* first = q + (task.firstQuery * z.Hq + task.kvHead * z.group) * z.Dk;
    Products::pack(HeadRows<Q>{first, task.queries, z.Hq * z.Dk, z.group, z.Dk}, z, out.queries);
    return out;
  }

  template <class Q>
  void finish(Q* o, const WalkTask& task, const WalkSizes& z) const {
    const int64_t firstRow = task.firstQuery * z.Hq + task.kvHead * z.group;
    for (int64_t p = 0, row = 0; p < task.queries; ++p)
      for (int64_t g = 0; g < z.group; ++g, ++row) state.at(row).finish(o + (firstRow + p * z.Hq + g) * z.Dv, z.Dv, nullptr);
  }
};

/** Folds one block into the rows of one task. */
template <class Products, class Source>
void attendBlock(const WalkRows<Products>& own, const WalkTask& task, int64_t i, const WalkStep& next, const WalkSizes& z, const Source& source, float* room) {
  typename Products::Block block = source.keys(task, i, room, next);
  source.values(block, task, i, 0, z.Dv, room, next);
  for (int64_t row = task.firstRow(z, i), rows = task.rows(z); row < rows; row += kTileRows) {
    const int64_t tile = std::min<int64_t>(kTileRows, rows - row);
    int32_t visible[kTileRows];
    task.visibleAt(z, i, row, tile, visible);
    Products::attend(tile, own.queries + row * own.ldq, own.ldq, visible, block, own.state.at(row));
    block.nextRows();
  }
}

/** `heads` tasks of one sequence's heads by one thread, block by block: the heads of a block lie side by side. `next`, if any, is read after them. */
template <class Q, class Source>
void walk(const Q* q, Q* o, const WalkTask* tasks, int64_t heads, const WalkTask* next, const WalkSizes& z, const Source& source) {
  using Products = typename Source::Products;
  using Rows = WalkRows<Products>;
  const int64_t rows = tasks->rows(z), blocks = tasks->blocks(), floats = Rows::floats(rows, z);
  float* scratch = static_cast<float*>(threadScratch(0, sizeof(float) * (heads * floats + source.floats())));
  float* room = scratch + heads * floats;
  Rows own[kWalkHeads];
  for (int64_t h = 0; h < heads; ++h) own[h] = Rows::in(scratch + h * floats, q, tasks[h], z);
  for (int64_t i = 0; i < blocks; ++i) {
    const WalkStep after = i + 1 < blocks ? WalkStep{tasks, i + 1} : WalkStep{next, 0};
    for (int64_t h = 0; h < heads; ++h) attendBlock(own[h], tasks[h], i, h + 1 < heads ? WalkStep{tasks + h + 1, i} : after, z, source, room);
  }
  for (int64_t h = 0; h < heads; ++h) own[h].finish(o, tasks[h], z);
}

/** How many of the tasks before `end` go side by side with the first: those of its sequence's other heads, while their rows stay few. */
inline int64_t headsTogether(const WalkTask* first, const WalkTask* end, const WalkSizes& z) {
  const int64_t most = std::clamp<int64_t>(kWalkRows / first->rows(z), 1, kWalkHeads);
  int64_t count = 1;
  while (count < most && first + count < end && first[count].firstQuery == first->firstQuery) ++count;
  return count;
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
    const int64_t tiles = (rows_ + kTileRows - 1) / kTileRows, span = std::min(kSpanBlocks, task_.blocks());
    float* scratch = shared.get(Rows::floats(rows_, z_) + span * (rows_ * kBlockKeys + tiles * kAlphaRows));
    own_ = Rows::in(scratch, q, task_, z_);
    scores_ = scratch + Rows::floats(rows_, z_), alpha_ = scores_ + span * rows_ * kBlockKeys;
    std::fill_n(alpha_, span * tiles * kAlphaRows, 0.0f);
    tiles_ = tiles;
    for (int64_t first = 0; first < task_.blocks(); first += kSpanBlocks) {
      const int64_t end = std::min(task_.blocks(), first + kSpanBlocks), columns = (z_.Dv + kSpanColumns - 1) / kSpanColumns;
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
    typename Products::Block block = source_.keys(task_, i, room(), i + 1 < task_.blocks() ? WalkStep{&task_, i + 1} : WalkStep{});
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
    source_.values(block, task_, i, column, columns, room(), {});
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

/** All tasks, on all threads: whole tasks where there are enough of them, else one task after the other, each shared by all threads. */
template <class Q, class Source>
void walkAll(const Q* q, Q* o, const std::vector<WalkTask>& tasks, const WalkSizes& z, const Source& source) {
  int64_t work = 0;
  for (const WalkTask& task : tasks) work += task.work() * (z.group + 4) * (z.Dk + z.Dv);
  if (work >= kWalkInline && !keepBusy(tasks)) {
    for (const WalkTask& task : tasks) SharedWalk<Q, Source>(task, z, source).run(q, o);
    return;
  }
  const int64_t count = static_cast<int64_t>(tasks.size()), grain = work < kWalkInline ? count : taskGrain(count, z.Hkv);
  parallelFor(count, grain, [&](int64_t begin, int64_t end) {
    for (const WalkTask *first = &tasks[begin], *last = first + (end - begin); first < last;) {
      const int64_t heads = headsTogether(first, last, z);
      walk(q, o, first, heads, first + heads < last ? first + heads : nullptr, z, source);
      first += heads;
    }
  });
}

}  // namespace luciole::attention
