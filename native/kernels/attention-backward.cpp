// Attention over packed sequences, backward. See attention.h.
#include <memory>
#include <vector>

#include "attention-tile.h"
#include "attention.h"
#include "dtype.h"
#include "pool.h"

namespace luciole {
namespace {

using namespace attention;

constexpr int64_t kBlockRows = 48;        // query rows whose probabilities are held at a time: with 64 keys they fit L1
constexpr int64_t kInlineWork = 1 << 18;  // multiply-adds below which waking a thread costs more than it gives
constexpr int64_t kSplitTokens = 1024;    // sequences from here on may be split over keys, into at most kMostRuns runs
constexpr int64_t kMostRuns = 4;

struct Sizes {
  int64_t Hq, Hkv, Dqk, Dv, group, ldq, ldo;  // ldq, ldo: floats of a row of dq and dv
  float scale;
  bool causal;
  int64_t window;  // keys that a query sees at most; 0: all up to its own
  float softCap;   // of scores; 0: none
};

template <class T>
struct Tensors {
  const T *q, *k, *v, *o, *dO;
  const float* lse;
  T *dq, *dk, *dv;
};

/** Keys [firstKey, lastKey) of one sequence and kv head, against every query row that sees them. */
struct Task {
  int64_t begin, end;  // tokens of the sequence
  int64_t kvHead, firstKey, lastKey;
  int64_t firstQuery;  // position of the first query row, counted from `begin`
  float* partial;      // where the run's share of dq goes, or null when the run is the only one
  /** Row of [T, Hq] of its first query head. */
  int64_t firstRow(const Sizes& z) const { return (begin + firstQuery) * z.Hq + kvHead * z.group; }
  int64_t rows(const Sizes& z) const { return (end - begin - firstQuery) * z.group; }
  /** The row after the last that sees one of the keys before `key`. */
  int64_t lastSeeing(int64_t key, const Sizes& z) const {
    return z.window > 0 ? std::min(rows(z), (key - 1 + z.window - firstQuery) * z.group) : rows(z);
  }
  int64_t work() const { return (lastKey - firstKey) * (end - begin - firstQuery); }
};

/** The runs of one split sequence and kv head: dq is their sum, in order. */
struct SplitHead {
  int64_t firstTask, numRuns;
};

struct Plan {
  std::vector<Task> tasks;
  std::vector<SplitHead> splits;
  std::unique_ptr<float[]> partials;
};

int64_t numRuns(int64_t length, int64_t Hkv) {
  return length < kSplitTokens ? 1 : std::clamp<int64_t>(16 / Hkv, 1, kMostRuns);
}

Plan makePlan(const int32_t* cuSeqlens, int64_t numSeqs, const Sizes& z) {
  Plan plan;
  int64_t partialFloats = 0;
  for (int64_t i = 0; i < numSeqs; ++i) {
    const int64_t begin = cuSeqlens[i], end = cuSeqlens[i + 1], length = end - begin;
    if (length == 0) continue;
    const int64_t runs = numRuns(length, z.Hkv), runKeys = roundUp((length + runs - 1) / runs, kBlockKeys);
    for (int64_t h = 0; h < z.Hkv; ++h) {
      if (runs > 1) plan.splits.push_back({static_cast<int64_t>(plan.tasks.size()), runs});
      for (int64_t key = 0, run = 0; run < runs; ++run, key += runKeys) {
        plan.tasks.push_back({begin, end, h, key, std::min(key + runKeys, length), z.causal ? key : 0, nullptr});
        if (runs > 1) partialFloats += plan.tasks.back().rows(z) * z.ldq;
      }
    }
  }
  plan.partials.reset(new float[partialFloats]);
  float* next = plan.partials.get();
  for (const SplitHead& split : plan.splits)
    for (int64_t i = split.firstTask; i < split.firstTask + split.numRuns; ++i) {
      plan.tasks[i].partial = next;
      next += plan.tasks[i].rows(z) * z.ldq;
    }
  return plan;
}

/** delta[row] = dO . o, the softmax gradient's inner product. */
template <class T>
float rowDelta(const T* dO, const T* o, int64_t width) {
  return sumVectors(0, width, [&](int64_t d, auto lanes) { return get(dO + d, lanes) * get(o + d, lanes); });
}

/** Scratch of one task, carved out of one thread's block. Row arrays hold every query row of the task. */
template <class T>
struct Scratch {
  static constexpr bool Pairs = kPairs<T>;
  using Pack = Packer<T, Pairs>;
  const int64_t qStride, dOStride;   // words of a packed row of q and dO
  float *q, *dO, *dq, *lse, *delta;  // [rows, qStride], [rows, dOStride], [rows, ldq], [rows], [rows]
  // the same rows for sums over rows [words of rows, ldq], [.., ldo]; q and dO themselves in f32
  float *qStacked, *dOStacked;
  float *keysT, *valuesT, *keys;  // the key block
  float *dk, *dv, *p, *ds;        // [64, ldq], [64, ldo], [kBlockRows, 64] twice
  // p and ds for sums over rows [words of kBlockRows, 64]; p and ds themselves in f32
  float *pWords, *dsWords;
  Scratch(int64_t rows, bool ownDq, const Sizes& z) : qStride(Pack::rowStride(z.Dqk)), dOStride(Pack::rowStride(z.Dv)) {
    const int64_t stackedRows = Pairs ? words<Pairs>(rows) : 0,
                  stackedBlock = Pairs ? words<Pairs>(kBlockRows) * kBlockKeys : 0;
    const int64_t sizes[] = {rows * qStride,
                             rows * dOStride,
                             ownDq ? rows * z.ldq : 0,
                             roundUp(rows, 16),
                             roundUp(rows, 16),
                             stackedRows * z.ldq,
                             stackedRows * z.ldo,
                             kBlockKeys * words<Pairs>(z.ldq),
                             kBlockKeys * words<Pairs>(z.ldo),
                             words<Pairs>(kBlockKeys) * z.ldq,
                             kBlockKeys * z.ldq,
                             kBlockKeys * z.ldo,
                             kBlockRows * kBlockKeys,
                             kBlockRows * kBlockKeys,
                             stackedBlock,
                             stackedBlock};
    float** const fields[] = {&q,       &dO,   &dq, &lse, &delta, &qStacked, &dOStacked, &keysT,
                              &valuesT, &keys, &dk, &dv,  &p,     &ds,       &pWords,    &dsWords};
    int64_t total = 0;
    for (int64_t size : sizes) total += size;
    float* next = static_cast<float*>(threadScratch(0, total * sizeof(float)));
    for (size_t i = 0; i < std::size(sizes); ++i) {
      *fields[i] = next;
      next += sizes[i];
    }
    if constexpr (!Pairs) qStacked = q, dOStacked = dO, pWords = p, dsWords = ds;
  }
};

/**
 * What follows the block at `key`: its own gradients, then the task's next block, else dq and the start of the next
 * task, if that is known.
 */
template <class T>
Lookahead linesAfter(const Tensors<T>& t, const Task& task, const Task* next, const Sizes& z, int64_t key) {
  const auto keyRows = [&](const Task& of, int64_t from, const T* x, int64_t width) {
    return RowLines(x + ((of.begin + from) * z.Hkv + of.kvHead) * width, std::min(kBlockKeys, of.lastKey - from), width,
                    z.Hkv * width);
  };
  const auto queryRows = [&](const Task& of, const T* x, int64_t width) {
    return RowLines(x + of.firstRow(z) * width, of.end - of.begin - of.firstQuery, z.group * width, z.Hq * width);
  };
  Lookahead lines;
  lines.add(keyRows(task, key, t.dk, z.Dqk));
  lines.add(keyRows(task, key, t.dv, z.Dv));
  const bool last = key + kBlockKeys >= task.lastKey;
  if (last && !task.partial) lines.add(queryRows(task, t.dq, z.Dqk));
  if (last && !next) return lines;
  const Task& following = last ? *next : task;
  const int64_t from = last ? next->firstKey : key + kBlockKeys;
  lines.add(keyRows(following, from, t.k, z.Dqk));
  lines.add(keyRows(following, from, t.v, z.Dv));
  if (!last) return lines;
  lines.add(queryRows(following, t.q, z.Dqk));
  lines.add(queryRows(following, t.dO, z.Dv));
  lines.add(queryRows(following, t.o, z.Dv));
  return lines;
}

/** Key block [key, key + keys) against query rows [row, row + rows) of the task, `row` even: adds to dq, dk and dv. */
template <class T>
void gradBlock(const Task& task, const Sizes& z, const Scratch<T>& s, const GradBlock& block, int64_t key, int64_t keys,
               int64_t row, int64_t rows, Lookahead& ahead) {
  for (int64_t r0 = 0; r0 < rows; r0 += kTileRows, ahead.step()) {
    const int64_t count = std::min<int64_t>(kTileRows, rows - r0), at = row + r0;
    int32_t visible[kTileRows], hidden[kTileRows];
    for (int64_t r = 0; r < count; ++r) {
      const int64_t own = task.firstQuery + (at + r) / z.group + 1 - key;
      visible[r] = static_cast<int32_t>(z.causal ? std::clamp<int64_t>(own, 0, keys) : keys);
      hidden[r] = static_cast<int32_t>(std::clamp<int64_t>(own - z.window, 0, keys));
    }
    const GradRows packed{s.q + at * s.qStride, s.dO + at * s.dOStride, s.qStride, s.dOStride, s.lse + at,
                          s.delta + at};
    gradRows<kPairs<T>>(count, packed, {visible, z.window > 0 ? hidden : nullptr}, block, s.p + r0 * kBlockKeys,
                        s.ds + r0 * kBlockKeys, s.dq + at * z.ldq);
  }
  if constexpr (kPairs<T>)
    for (int64_t r = 0; r < rows; r += 2) {
      const int64_t even = r * kBlockKeys, odd = even + kBlockKeys, word = even / 2;
      pairRows(s.p + even, r + 1 < rows ? s.p + odd : nullptr, s.pWords + word);
      pairRows(s.ds + even, r + 1 < rows ? s.ds + odd : nullptr, s.dsWords + word);
    }
  for (int64_t j = 0; j < keys; j += kTileRows) {
    const int64_t count = std::min<int64_t>(kTileRows, keys - j);
    // earlier rows do not see key j
    const int64_t first = z.causal ? std::max<int64_t>(0, (key + j - task.firstQuery) * z.group - row) : 0;
    if (first >= rows) break;
    constexpr bool Pairs = kPairs<T>;
    const int64_t skipped = words<Pairs>(first), at = words<Pairs>(row) + skipped, left = words<Pairs>(rows - first);
    const float *p = s.pWords + skipped * kBlockKeys + j, *ds = s.dsWords + skipped * kBlockKeys + j;
    addWeightedRows<Pairs>(count, s.dv + j * z.ldo, z.ldo, z.ldo / kLanes, p, s.dOStacked + at * z.ldo, z.ldo, left);
    addWeightedRows<Pairs>(count, s.dk + j * z.ldq, z.ldq, z.ldq / kLanes, ds, s.qStacked + at * z.ldq, z.ldq, left);
  }
}

template <class T>
void packQueries(const Tensors<T>& t, const Task& task, const Sizes& z, const Scratch<T>& s) {
  using Pack = Packer<T, kPairs<T>>;
  const int64_t positions = task.end - task.begin - task.firstQuery, firstRow = task.firstRow(z);
  const HeadRows<T> q{t.q + firstRow * z.Dqk, positions, z.Hq * z.Dqk, z.group, z.Dqk},
      dO{t.dO + firstRow * z.Dv, positions, z.Hq * z.Dv, z.group, z.Dv};
  Pack::rows(q, z.scale, s.q);
  Pack::rows(dO, 1.0f, s.dO);
  if constexpr (kPairs<T>) {
    Pack::stacked(q, s.qStacked);
    Pack::stacked(dO, s.dOStacked);
  }
  for (int64_t p = 0, row = 0; p < positions; ++p)
    for (int64_t g = 0; g < z.group; ++g, ++row) {
      const int64_t at = firstRow + p * z.Hq + g;
      s.lse[row] = t.lse[at];
      s.delta[row] = rowDelta(t.dO + at * z.Dv, t.o + at * z.Dv, z.Dv);
    }
}

template <class T>
void gradTask(const Tensors<T>& t, const Task& task, const Task* next, const Sizes& z) {
  const int64_t rows = task.rows(z);
  using Pack = Packer<T, kPairs<T>>;
  Scratch<T> s(rows, !task.partial, z);
  if (task.partial) s.dq = task.partial;
  packQueries(t, task, z, s);
  std::fill_n(s.dq, rows * z.ldq, 0.0f);
  for (int64_t key = task.firstKey; key < task.lastKey; key += kBlockKeys) {
    const int64_t keys = std::min(kBlockKeys, task.lastKey - key), head = (task.begin + key) * z.Hkv + task.kvHead;
    const HeadRows<T> k{t.k + head * z.Dqk, keys, z.Hkv * z.Dqk, 1, z.Dqk},
        v{t.v + head * z.Dv, keys, z.Hkv * z.Dv, 1, z.Dv};
    Pack::transposed(k, s.keysT);
    Pack::transposed(v, s.valuesT);
    Pack::stacked(k, s.keys);
    std::fill_n(s.dk, keys * z.ldq, 0.0f);
    std::fill_n(s.dv, keys * z.ldo, 0.0f);
    const GradBlock block{s.keysT, s.valuesT, s.keys, z.Dqk, z.Dv, z.ldq, z.scale, z.softCap};
    const int64_t first = z.causal ? (key - task.firstQuery) * z.group : 0, last = task.lastSeeing(key + keys, z);
    Lookahead ahead = linesAfter(t, task, next, z, key);
    ahead.spreadOver((last - first + kTileRows - 1) / kTileRows);
    for (int64_t row = first; row < last; row += kBlockRows)
      gradBlock(task, z, s, block, key, keys, row, std::min(kBlockRows, last - row), ahead);
    for (int64_t j = 0; j < keys; ++j) {
      const float rest = kPairs<T> ? z.scale : 1.0f;  // in f32 q carries the scale already, so dk does
      writeRow(s.dk + j * z.ldq, t.dk + (head + j * z.Hkv) * z.Dqk, z.Dqk, rest);
      writeRow(s.dv + j * z.ldo, t.dv + (head + j * z.Hkv) * z.Dv, z.Dv, 1.0f);
    }
  }
  if (task.partial) return;
  for (int64_t row = 0; row < rows; ++row)
    writeRow(s.dq + row * z.ldq,
             t.dq + ((task.begin + row / z.group) * z.Hq + task.kvHead * z.group + row % z.group) * z.Dqk, z.Dqk,
             z.scale);
}

/** dq of positions [from, to) of a split sequence: the runs that reach the position, summed in order. */
template <class T>
void sumRuns(const Tensors<T>& t, const Task* runs, int64_t numRuns, int64_t from, int64_t to, const Sizes& z) {
  for (int64_t row = from * z.group; row < to * z.group; ++row) {
    float* total = runs[0].partial + row * z.ldq;
    for (int64_t i = 1; i < numRuns && runs[i].firstQuery * z.group <= row; ++i) {
      const float* share = runs[i].partial + (row - runs[i].firstQuery * z.group) * z.ldq;
      for (int64_t d = 0; d < z.ldq; d += kLanes) store(total + d, load(total + d) + load(share + d));
    }
    writeRow(total, t.dq + ((runs[0].begin + row / z.group) * z.Hq + runs[0].kvHead * z.group + row % z.group) * z.Dqk,
             z.Dqk, z.scale);
  }
}

template <class T>
void runPlan(const Tensors<T>& t, const Plan& plan, const Sizes& z) {
  std::vector<const Task*> order;
  int64_t work = 0;
  for (const Task& task : plan.tasks) {
    order.push_back(&task);
    work += task.work();
  }
  std::stable_sort(order.begin(), order.end(), [](const Task* a, const Task* b) { return a->work() > b->work(); });
  const int64_t count = static_cast<int64_t>(order.size());
  parallelFor(count, work * z.group * (z.Dqk + z.Dv) < kInlineWork ? count : taskGrain(count, z.Hkv),
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) gradTask(t, *order[i], i + 1 < end ? order[i + 1] : nullptr, z);
              });
  for (const SplitHead& split : plan.splits) {
    const Task* runs = &plan.tasks[split.firstTask];
    parallelFor(runs->end - runs->begin, 256,
                [&](int64_t begin, int64_t end) { sumRuns(t, runs, split.numRuns, begin, end, z); });
  }
}

}  // namespace

void attentionBackward(const void* q, const void* k, const void* v, const void* o, const void* dO, int64_t type,
                       const float* lse, void* dq, void* dk, void* dv, const int32_t* cuSeqlens, int64_t numSeqs,
                       int64_t T, int64_t Hq, int64_t Hkv, int64_t Dqk, int64_t Dv, float scale, bool causal,
                       int64_t window, float softCap) {
  if (T == 0 || Hq == 0 || Hkv == 0) return;
  const Sizes sizes{Hq, Hkv, Dqk, Dv, Hq / Hkv, padded(Dqk), padded(Dv), scale, causal, window, softCap};
  const Plan plan = makePlan(cuSeqlens, numSeqs, sizes);
  dispatchType(type, [&](auto tag) {
    using E = decltype(tag);
    const Tensors<E> tensors{static_cast<const E*>(q), static_cast<const E*>(k),  static_cast<const E*>(v),
                             static_cast<const E*>(o), static_cast<const E*>(dO), lse,
                             static_cast<E*>(dq),      static_cast<E*>(dk),       static_cast<E*>(dv)};
    runPlan(tensors, plan, sizes);
  });
}

}  // namespace luciole
