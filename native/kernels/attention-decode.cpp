// Attention of new queries over a key/value cache, and the writes into it. See attention.h.
#include <cstring>
#include <vector>

#include "attention-tile.h"
#include "attention.h"
#include "dtype.h"
#include "pool.h"

namespace luciole {
namespace {

using namespace attention;

constexpr int64_t kInlineWork = 1 << 17;  // multiply-adds below which waking a thread costs more than it gives

struct Cache {
  int64_t Hq, Hkv, Dk, Dv, kTokenStride, kSlotStride, vTokenStride, vSlotStride, group;
  float scale;
};

/** Query heads that share a kv head are cut into `parts`; a unit is one part, a task the units [first, last) of row b. */
struct Task {
  int64_t b, first, last, length;
};

struct Plan {
  std::vector<Task> tasks;
  int64_t parts;
};

/**
 * As few tasks as keep every thread busy, since a task that holds several kv heads reads whole tokens. The heads of one kv head
 * are cut only when there is nothing else to share out, and into parts large enough to pay for packing the keys again.
 */
Plan split(const int32_t* lengths, int64_t B, const Cache& z) {
  const int64_t threads = threadCount(), wanted = threads == 1 ? 1 : ((B == 1 ? threads : 2 * threads) + B - 1) / B;
  const int64_t parts = std::clamp<int64_t>((wanted + z.Hkv - 1) / z.Hkv, 1, std::max<int64_t>(1, z.group / kTileRows));
  const int64_t units = z.Hkv * parts, tasksPerRow = std::min(wanted, units);
  Plan plan{{}, parts};
  for (int64_t b = 0; b < B; ++b)
    for (int64_t i = 0; i < tasksPerRow; ++i) plan.tasks.push_back({b, units * i / tasksPerRow, units * (i + 1) / tasksPerRow, lengths[b]});
  std::stable_sort(plan.tasks.begin(), plan.tasks.end(), [](const Task& a, const Task& b) { return a.length > b.length; });
  return plan;
}

/** One row's walk over its cache: keys outside, units inside. */
template <class Q, class C>
class Walk {
  static constexpr bool Pairs = kPairs<Q> && kPairs<C>;
  using PackQueries = Packer<Q, Pairs>;
  using Pack = Packer<C, Pairs>;

 public:
  Walk(const C* kSlot, const C* vSlot, const Task& task, int64_t parts, const Cache& z)
      : z_(z), task_(task), parts_(parts), kSlot_(kSlot), vSlot_(vSlot), ldq_(PackQueries::rowStride(z.Dk)), ldo_(padded(z.Dv)), firstHead_(head(task.first)), heads_(head(task.last) - firstHead_) {}

  /** Writes the task's rows of o; `next`, if any, is fetched towards the end. */
  void run(const Q* q, Q* o, const Walk* next) {
    const int64_t stateFloats = Softmax::size(heads_, ldo_);
    float* scratch = static_cast<float*>(threadScratch(0, sizeof(float) * (stateFloats + heads_ * ldq_ + kBlockKeys * (words<Pairs>(z_.Dk) + ldo_))));
    state_ = Softmax::in(scratch, heads_, ldo_);
    keysT_ = scratch + stateFloats, values_ = keysT_ + kBlockKeys * words<Pairs>(z_.Dk), queries_ = values_ + kBlockKeys * ldo_;
    const int64_t firstRow = task_.b * z_.Hq + firstHead_;
    PackQueries::rows({q + firstRow * z_.Dk, 1, 0, heads_, z_.Dk}, z_.scale, queries_);
    for (int64_t key = 0; key < task_.length; key += kBlockKeys) {
      Lookahead ahead = key + kBlockKeys < task_.length ? block(key + kBlockKeys) : next ? next->block(0) : Lookahead{};
      ahead.spreadOver((task_.last - task_.first) * packSteps<Pairs>(keysAt(key), z_.Dk));
      for (int64_t unit = task_.first; unit < task_.last; ++unit) attendUnit(key, unit, ahead);
    }
    for (int64_t row = 0; row < heads_; ++row) state_.at(row).finish(o + (firstRow + row) * z_.Dv, z_.Dv, nullptr);
  }

 private:
  /** First query head of a unit. */
  int64_t head(int64_t unit) const { return unit / parts_ * z_.group + z_.group * (unit % parts_) / parts_; }
  const C* keysOf(int64_t key, int64_t unit) const { return kSlot_ + key * z_.kTokenStride + unit / parts_ * z_.Dk; }
  const C* valuesOf(int64_t key, int64_t unit) const { return vSlot_ + key * z_.vTokenStride + unit / parts_ * z_.Dv; }

  int32_t keysAt(int64_t key) const { return static_cast<int32_t>(std::clamp<int64_t>(task_.length - key, 0, kBlockKeys)); }

  /** The lines of the block at `key`, for every kv head of the task. */
  Lookahead block(int64_t key) const {
    const int64_t kvHeads = (task_.last - 1) / parts_ - task_.first / parts_ + 1;
    Lookahead lines;
    lines.add({keysOf(key, task_.first), keysAt(key), kvHeads * z_.Dk, z_.kTokenStride});
    if (vSlot_ != kSlot_) lines.add({valuesOf(key, task_.first), keysAt(key), kvHeads * z_.Dv, z_.vTokenStride});
    return lines;
  }

  void attendUnit(int64_t key, int64_t unit, Lookahead& ahead) const {
    const int32_t keys = keysAt(key);
    Pack::transposed({keysOf(key, unit), keys, z_.kTokenStride, 1, z_.Dk}, keysT_, &ahead);
    const KeyBlock packed = withValues(valuesOf(key, unit), keys);
    const int32_t visible[kTileRows] = {keys, keys, keys, keys, keys, keys};
    for (int64_t row = head(unit) - firstHead_, end = head(unit + 1) - firstHead_; row < end; row += kTileRows)
      attendRows<Pairs>(std::min<int64_t>(kTileRows, end - row), queries_ + row * ldq_, ldq_, visible, packed, state_.at(row));
  }

  /** The block with its values read in place where they already are whole vectors of f32, else packed. */
  KeyBlock withValues(const C* v, int64_t keys) const {
    if constexpr (std::is_same_v<C, float>)
      if (ldo_ == z_.Dv) return {keysT_, z_.Dk, v, z_.vTokenStride, ldo_ / kLanes, z_.scale};
    Pack::stacked({v, keys, z_.vTokenStride, 1, z_.Dv}, values_);
    return {keysT_, z_.Dk, values_, ldo_, ldo_ / kLanes, z_.scale};
  }

  const Cache& z_;
  const Task& task_;
  int64_t parts_;
  const C *kSlot_, *vSlot_;
  int64_t ldq_, ldo_, firstHead_, heads_;
  float *keysT_ = nullptr, *values_ = nullptr, *queries_ = nullptr;
  Softmax state_{};
};

template <class X, class C>
void writeRow(const X* x, C* out, int64_t width) {
  if constexpr (std::is_same_v<X, C>)
    std::memcpy(out, x, width * sizeof(X));
  else
    eachVector(0, width, [&](int64_t d, auto lanes) { put(out + d, get(x + d, lanes), lanes); });
}

}  // namespace

void decodeAttention(const void* q, int64_t qType, const void* kCache, const void* vCache, int64_t cacheType, void* o, const int32_t* slots,
                     const int32_t* lengths, int64_t B, int64_t Hq, int64_t Hkv, int64_t Dk, int64_t Dv, int64_t kTokenStride, int64_t kSlotStride,
                     int64_t vTokenStride, int64_t vSlotStride, float scale) {
  if (B == 0 || Hq == 0 || Hkv == 0) return;
  const Cache cache{Hq, Hkv, Dk, Dv, kTokenStride, kSlotStride, vTokenStride, vSlotStride, Hq / Hkv, scale};
  const Plan plan = split(lengths, B, cache);
  const std::vector<Task>& tasks = plan.tasks;
  int64_t work = 0;
  for (int64_t b = 0; b < B; ++b) work += lengths[b] * (Hq + 4 * Hkv) * (Dk + Dv);  // packing a key costs about as much as four heads
  const int64_t count = static_cast<int64_t>(tasks.size()), grain = work < kInlineWork ? count : std::max<int64_t>(1, count / (8 * threadCount()));
  dispatchType(qType, [&](auto qTag) {
    dispatchType(cacheType, [&](auto cacheTag) {
      using Q = decltype(qTag);
      using C = decltype(cacheTag);
      const C *k = static_cast<const C*>(kCache), *v = static_cast<const C*>(vCache);
      const auto walk = [&](const Task& task) {
        const int64_t slot = slots[task.b];
        return Walk<Q, C>(k + slot * kSlotStride, v + slot * vSlotStride, task, plan.parts, cache);
      };
      parallelFor(count, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const Walk<Q, C> next = walk(tasks[std::min(i + 1, end - 1)]);
          walk(tasks[i]).run(static_cast<const Q*>(q), static_cast<Q*>(o), i + 1 < end ? &next : nullptr);
        }
      });
    });
  });
}

void kvCacheWrite(const void* x, int64_t xType, void* cache, int64_t cacheType, const int32_t* slots, const int32_t* positions, int64_t R, int64_t width,
                  int64_t tokenStride, int64_t slotStride) {
  dispatchType(xType, [&](auto xTag) {
    dispatchType(cacheType, [&](auto cacheTag) {
      using X = decltype(xTag);
      using C = decltype(cacheTag);
      parallelFor(R, rowGrain(width), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
          writeRow(static_cast<const X*>(x) + r * width, static_cast<C*>(cache) + slots[r] * slotStride + positions[r] * tokenStride, width);
      });
    });
  });
}

}  // namespace luciole
