// The walk of new query rows over a longer context, block by block, whatever the keys come from: paged heads, paged
// latents, expanded rows. One long context is work for many threads: each takes spans of it (kSpanBlocks), whose
// softmaxes are folded together in order. Knows nothing of memory layouts. A Source turns blocks into what its Products
// read (FloatProducts below is the usual kind):
//   floats()                                          scratch that one block takes
//   block(task, i, scratch, next) -> Products::Block  keys and values of block i of a task; `next` is what is read
//                                                     after them, to fetch ahead
#pragma once
#include <vector>

#include "attention-tile.h"
#include "pool.h"
#include "scratch.h"

namespace luciole::attention {

inline constexpr int64_t kWalkRows = 192;        // query rows a thread keeps in cache while the keys pass by
inline constexpr int64_t kWalkHeads = 16;        // tasks of one sequence's heads that it takes side by side
inline constexpr int64_t kWalkInline = 1 << 17;  // multiply-adds below which waking a thread costs more than it gives
inline constexpr int64_t kSpansPerThread = 4;    // whose softmaxes are held at once

/** Widths of one call. */
struct WalkSizes {
  int64_t Hq, Hkv, Dk, Dv, group;
  float scale;
  int64_t window = 0;  // keys that a query sees at most; 0: all up to its own
  float softCap = 0;   // of scores; 0: none
};

/**
 * `queries` query positions of one sequence from row `firstQuery` of q on, all heads of a kv head; the first of them
 * sees `visible` keys.
 */
struct WalkTask {
  int64_t sequence, kvHead, firstQuery, queries, visible;
  int64_t rows(const WalkSizes& z) const { return queries * z.group; }
  /** Keys that the last query sees. */
  int64_t seen() const { return visible + queries - 1; }
  int64_t blocks() const { return (seen() + kBlockKeys - 1) / kBlockKeys; }
  int64_t work(const WalkSizes& z) const { return queries * (seen() - firstBlock(z) * kBlockKeys); }
  int32_t keysAt(int64_t block) const {
    return static_cast<int32_t>(std::clamp<int64_t>(seen() - block * kBlockKeys, 0, kBlockKeys));
  }
  /** The first block that a query sees a key of. */
  int64_t firstBlock(const WalkSizes& z) const {
    return z.window > 0 ? std::max<int64_t>(0, visible - z.window) / kBlockKeys : 0;
  }
  /** The span of the first block, and the one after the last. */
  int64_t firstSpan(const WalkSizes& z) const { return firstBlock(z) / kSpanBlocks; }
  int64_t endSpan() const { return (blocks() + kSpanBlocks - 1) / kSpanBlocks; }
  int64_t spans(const WalkSizes& z) const { return endSpan() - firstSpan(z); }
  /** The row after the last that sees a key of the block or of one before it. */
  int64_t lastRow(const WalkSizes& z, int64_t block) const {
    return z.window > 0 ? std::clamp<int64_t>(((block + 1) * kBlockKeys + z.window - visible) * z.group, 0, rows(z))
                        : rows(z);
  }
  /** The first row that sees a key of the block. */
  int64_t firstRow(const WalkSizes& z, int64_t block) const {
    return std::max<int64_t>(0, (block * kBlockKeys + 1 - visible) * z.group);
  }
  /** Keys of the block that each of `count` rows from `row` on sees: from hidden[r] to before seen[r]. */
  void sightAt(const WalkSizes& z, int64_t block, int64_t row, int64_t count, int32_t* seen, int32_t* hidden) const {
    for (int64_t r = 0; r < count; ++r) {
      const int64_t own = visible + (row + r) / z.group - block * kBlockKeys;
      seen[r] = static_cast<int32_t>(std::clamp<int64_t>(own, 0, keysAt(block)));
      hidden[r] = static_cast<int32_t>(std::clamp<int64_t>(own - z.window, 0, keysAt(block)));
    }
  }
};

/** A block of a task to read next; no task: nothing. */
struct WalkStep {
  const WalkTask* task = nullptr;
  int64_t block = 0;
};

/**
 * Tasks of every sequence and kv head, longest first, a sequence's heads together; lengthOf(s) is the context of
 * sequence s, its queries cuQueries[s] .. included.
 */
template <class F>
std::vector<WalkTask> walkTasks(const int32_t* cuQueries, int64_t S, const WalkSizes& z, F&& lengthOf) {
  std::vector<WalkTask> chunks;
  const int64_t most = std::max<int64_t>(1, kWalkRows / z.group);
  for (int64_t s = 0; s < S; ++s) {
    const int64_t begin = cuQueries[s], queries = cuQueries[s + 1] - begin, cached = lengthOf(s) - queries,
                  parts = (queries + most - 1) / most;
    for (int64_t c = 0; c < parts; ++c) {
      const int64_t first = queries * c / parts, count = queries * (c + 1) / parts - first;
      chunks.push_back({s, 0, begin + first, count, cached + first + 1});
    }
  }
  std::stable_sort(chunks.begin(), chunks.end(),
                   [&](const WalkTask& a, const WalkTask& b) { return a.work(z) > b.work(z); });
  std::vector<WalkTask> tasks;
  tasks.reserve(chunks.size() * z.Hkv);
  for (WalkTask task : chunks)
    for (; task.kvHead < z.Hkv; ++task.kvHead) tasks.push_back(task);
  return tasks;
}

/** Whether tasks handed out whole, longest first, keep all threads busy to the end, or nearly. */
inline bool keepBusy(const std::vector<WalkTask>& tasks, const WalkSizes& z) {
  std::vector<int64_t> loads(threadCount(), 0);
  int64_t total = 0;
  for (const WalkTask& task : tasks) {
    *std::min_element(loads.begin(), loads.end()) += task.work(z);
    total += task.work(z);
  }
  return 4 * static_cast<int64_t>(loads.size()) * *std::max_element(loads.begin(), loads.end()) <= 5 * total;
}

/** The products of attention-tile.h, in f32 or in pairs of bf16. */
template <bool Pairs>
struct FloatProducts {
  using Block = KeyBlock;
  static constexpr int64_t kRows = kTileRows;  // query rows taken at once
  static int64_t rowStride(const WalkSizes& z) { return padded(words<Pairs>(z.Dk)); }
  template <class Q>
  static void pack(const HeadRows<Q>& x, const WalkSizes& z, float* out) {
    Packer<Q, Pairs>::rows(x, z.scale, out);
  }
  static void attend(int64_t rows, const float* q, int64_t ldq, const Sight& sight, const Block& block,
                     const Softmax& state) {
    attendRows<Pairs>(rows, q, ldq, sight, block, state);
  }
};

/** The rows of one task: packed queries, and the softmax they are folded into. */
template <class Products>
struct WalkRows {
  float* queries;
  int64_t ldq;
  Softmax state;

  static int64_t floats(int64_t rows, const WalkSizes& z) {
    return partFloats(rows, z) + roundUp(rows, Products::kRows) * Products::rowStride(z);
  }
  /** Of the softmax alone. */
  static int64_t partFloats(int64_t rows, const WalkSizes& z) { return roundUp(Softmax::size(rows, padded(z.Dv)), 16); }

  template <class Q>
  static WalkRows in(float* scratch, const Q* q, const WalkTask& task, const WalkSizes& z) {
    const int64_t rows = task.rows(z);
    const WalkRows out{scratch + partFloats(rows, z), Products::rowStride(z), Softmax::in(scratch, rows, padded(z.Dv))};
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
      for (int64_t g = 0; g < z.group; ++g, ++row)
        state.at(row).finish(o + (firstRow + p * z.Hq + g) * z.Dv, z.Dv, nullptr);
  }
};

/** Folds one block into the rows of one task. */
template <class Products, class Source>
void attendBlock(const WalkRows<Products>& own, const WalkTask& task, int64_t i, const WalkStep& next,
                 const WalkSizes& z, const Source& source, float* room) {
  constexpr int64_t tileRows = Products::kRows;
  typename Products::Block block = source.block(task, i, room, next);
  for (int64_t row = task.firstRow(z, i) / tileRows * tileRows, last = task.lastRow(z, i); row < last;
       row += tileRows) {
    const int64_t count = std::min(tileRows, last - row);
    int32_t visible[tileRows], hidden[tileRows];
    task.sightAt(z, i, row, count, visible, hidden);
    Products::attend(count, own.queries + row * own.ldq, own.ldq, {visible, z.window > 0 ? hidden : nullptr}, block,
                     own.state.at(row));
    block.nextRows();
  }
}

/**
 * Tasks of one sequence's heads, block by block: the heads of a block lie side by side. `next`, if any, is read after
 * them.
 */
template <class Q, class Source>
class Walk {
  using Rows = WalkRows<typename Source::Products>;

 public:
  Walk(const WalkTask* tasks, int64_t heads, const WalkTask* next, const WalkSizes& z, const Source& source)
      : tasks_(tasks),
        heads_(heads),
        next_(next),
        z_(z),
        source_(source),
        rows_(tasks->rows(z)),
        first_(tasks->firstSpan(z)),
        end_(tasks->endSpan()) {}

  /** By this thread alone, from first key to last. */
  void run(const Q* q, Q* o) {
    float* scratch = static_cast<float*>(
        threadScratch(0, sizeof(float) * (allFloats() + (end_ > first_ + 1 ? partFloats() : 0) + source_.floats())));
    float *part = scratch + allFloats(), *room = part + (end_ > first_ + 1 ? partFloats() : 0);
    begin(scratch, q);
    attendSpan(first_, nullptr, room);
    for (int64_t span = first_ + 1; span < end_; ++span) {
      attendSpan(span, part, room);
      fold(span, part);
    }
    finish(o);
  }

  /** By all threads, each of which takes spans. */
  void share(const Q* q, Q* o) {
    static thread_local SharedScratch<float> shared;
    const int64_t atOnce = std::min(end_ - first_, kSpansPerThread * threadCount());
    float* scratch = shared.get(allFloats() + atOnce * partFloats());
    begin(scratch, q);
    const auto partOf = [&](int64_t span) {
      return span == first_ ? nullptr : scratch + allFloats() + span % atOnce * partFloats();
    };
    for (int64_t first = first_; first < end_; first += atOnce) {
      const int64_t count = std::min(atOnce, end_ - first);
      parallelFor(count, 1, [&](int64_t from, int64_t to) {
        float* room = static_cast<float*>(threadScratch(0, sizeof(float) * source_.floats()));
        for (int64_t span = first + from; span < first + to; ++span) attendSpan(span, partOf(span), room);
      });
      for (int64_t span = std::max(first_ + 1, first); span < first + count; ++span) fold(span, partOf(span));
    }
    finish(o);
  }

 private:
  int64_t allFloats() const { return heads_ * Rows::floats(rows_, z_); }
  int64_t partFloats() const { return heads_ * Rows::partFloats(rows_, z_); }
  float* partOf(float* parts, int64_t head) const { return parts + head * Rows::partFloats(rows_, z_); }

  void begin(float* scratch, const Q* q) {
    for (int64_t h = 0; h < heads_; ++h) all_[h] = Rows::in(scratch + h * Rows::floats(rows_, z_), q, tasks_[h], z_);
  }
  void finish(Q* o) const {
    for (int64_t h = 0; h < heads_; ++h) all_[h].finish(o, tasks_[h], z_);
  }
  void fold(int64_t span, float* parts) const {
    const int64_t first = tasks_->firstRow(z_, span * kSpanBlocks),
                  last = tasks_->lastRow(z_, span * kSpanBlocks + kSpanBlocks - 1);
    for (int64_t h = 0; h < heads_; ++h)
      all_[h].state.fold(Softmax::at(partOf(parts, h), rows_, padded(z_.Dv)), first, last);
  }
  /** One span into softmaxes in `parts`, or, the first one, into those of all. */
  void attendSpan(int64_t span, float* parts, float* room) const {
    Rows own[kWalkHeads];
    for (int64_t h = 0; h < heads_; ++h)
      own[h] = parts ? all_[h].with(Softmax::in(partOf(parts, h), rows_, padded(z_.Dv))) : all_[h];
    const int64_t blocks = tasks_->blocks();
    const int64_t end = std::min(blocks, (span + 1) * kSpanBlocks);
    for (int64_t i = std::max(span * kSpanBlocks, tasks_->firstBlock(z_)); i < end; ++i) {
      const WalkStep after =
          i + 1 < blocks ? WalkStep{tasks_, i + 1} : WalkStep{next_, next_ ? next_->firstBlock(z_) : 0};
      for (int64_t h = 0; h < heads_; ++h)
        attendBlock(own[h], tasks_[h], i, h + 1 < heads_ ? WalkStep{tasks_ + h + 1, i} : after, z_, source_, room);
    }
  }

  const WalkTask* tasks_;
  int64_t heads_;
  const WalkTask* next_;
  const WalkSizes& z_;
  const Source& source_;
  int64_t rows_, first_, end_;  // spans
  Rows all_[kWalkHeads];
};

/**
 * How many of the tasks before `end` go side by side with the first: those of its sequence's other heads, while their
 * rows stay few.
 */
inline int64_t headsTogether(const WalkTask* first, const WalkTask* end, const WalkSizes& z) {
  const int64_t most = std::clamp<int64_t>(kWalkRows / first->rows(z), 1, kWalkHeads);
  int64_t count = 1;
  while (count < most && first + count < end && first[count].firstQuery == first->firstQuery) ++count;
  return count;
}

/** Calls body(tasks, how many go side by side, what follows them or null) over [first, end). */
template <class F>
void eachWalk(const WalkTask* first, const WalkTask* end, const WalkSizes& z, F&& body) {
  for (int64_t heads; first < end; first += heads) {
    heads = headsTogether(first, end, z);
    body(first, heads, first + heads < end ? first + heads : nullptr);
  }
}

/**
 * All tasks, on all threads: whole tasks where there are enough of them, else long contexts one after the other, their
 * spans shared by all threads. May reorder tasks.
 */
template <class Q, class Source>
void walkAll(const Q* q, Q* o, std::vector<WalkTask>& tasks, const WalkSizes& z, const Source& source) {
  int64_t work = 0;
  for (const WalkTask& task : tasks) work += task.work(z) * (z.group + 4) * (z.Dk + z.Dv);
  WalkTask *whole = tasks.data(), *end = whole + tasks.size();
  if (work >= kWalkInline && !keepBusy(tasks, z)) {
    whole = std::stable_partition(whole, end, [&](const WalkTask& task) { return task.spans(z) > 1; });
    eachWalk(tasks.data(), whole, z, [&](const WalkTask* first, int64_t heads, const WalkTask*) {
      Walk<Q, Source>(first, heads, nullptr, z, source).share(q, o);
    });
  }
  const int64_t count = end - whole;
  parallelFor(count, work < kWalkInline ? count : taskGrain(count, z.Hkv), [&](int64_t from, int64_t to) {
    eachWalk(whole + from, whole + to, z, [&](const WalkTask* first, int64_t heads, const WalkTask* next) {
      Walk<Q, Source>(first, heads, next, z, source).run(q, o);
    });
  });
}

}  // namespace luciole::attention
