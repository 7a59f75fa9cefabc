// Attention of new queries over MLA's expanded context. See paged.h.
#include <stdexcept>
#include <string>

#include "context-walk.h"
#include "dtype.h"
#include "paged.h"

namespace luciole {
namespace {

using namespace attention;

/** Keys from two places: a head's own numbers beside its values, and the rotary ones that all heads share. */
template <class T>
class ExpandedBlocks {
  static constexpr bool Pairs = kPairs<T>;
  using Pack = Packer<T, Pairs>;

 public:
  using Products = FloatProducts<Pairs>;
  ExpandedBlocks(const T* kv, const T* kRope, const int32_t* cuKeys, const WalkSizes& z, int64_t rotary)
      : kv_(kv),
        kRope_(kRope),
        cuKeys_(cuKeys),
        z_(z),
        rotary_(rotary),
        nope_(z.Dk - rotary),
        stride_(z.Hq * (nope_ + z.Dv)),
        ldv_(padded(z.Dv)) {}

  int64_t floats() const { return kBlockKeys * (2 * z_.Dk + ldv_); }

  KeyBlock block(const WalkTask& task, int64_t i, float* scratch, const WalkStep&) const {
    const int64_t keys = task.keysAt(i), row = rowOf(task, i);
    const T *kv = headOf(task, row), *kRope = kRope_ + row * rotary_;
    float* values = scratch + kBlockKeys * z_.Dk;
    Lookahead ahead;
    if (i + 1 < task.blocks()) ahead.add({kv + kBlockKeys * stride_, task.keysAt(i + 1), nope_ + z_.Dv, stride_});
    ahead.spreadOver(packSteps<Pairs>(keys, z_.Dk));
    if (Pairs && nope_ % 2 == 1) {
      const T* rows = assembled(kv, kRope, keys, reinterpret_cast<T*>(values + kBlockKeys * ldv_));
      Pack::transposed({rows, keys, z_.Dk, 1, z_.Dk}, scratch, &ahead);
    } else {
      Pack::transposed({kv, keys, stride_, 1, nope_}, scratch, &ahead);
      Pack::transposed({kRope, keys, rotary_, 1, rotary_}, scratch + kBlockKeys * words<Pairs>(nope_), &ahead);
    }
    Pack::stacked({kv + nope_, keys, stride_, 1, z_.Dv}, values);
    return {scratch, z_.Dk, values, ldv_, ldv_ / kLanes, z_.scale};
  }

 private:
  int64_t rowOf(const WalkTask& task, int64_t i) const { return cuKeys_[task.sequence] + i * kBlockKeys; }
  const T* headOf(const WalkTask& task, int64_t row) const {
    return kv_ + row * stride_ + task.kvHead * (nope_ + z_.Dv);
  }

  /** Keys as rows: where a word would hold the last number of a head and the first that all heads share. */
  const T* assembled(const T* kv, const T* kRope, int64_t keys, T* rows) const {
    for (int64_t t = 0; t < keys; ++t) {
      std::copy_n(kv + t * stride_, nope_, rows + t * z_.Dk);
      std::copy_n(kRope + t * rotary_, rotary_, rows + t * z_.Dk + nope_);
    }
    return rows;
  }

  const T *kv_, *kRope_;
  const int32_t* cuKeys_;
  WalkSizes z_;
  int64_t rotary_, nope_, stride_, ldv_;
};

}  // namespace

void expandedAttention(const void* q, const void* kv, const void* kRope, int64_t type, void* o,
                       const int32_t* cuQueries, const int32_t* cuKeys, int64_t S, int64_t H, int64_t nope,
                       int64_t rotary, int64_t value, float scale) {
  for (int64_t s = 0; s < S; ++s)
    if (const int64_t queries = cuQueries[s + 1] - cuQueries[s], keys = cuKeys[s + 1] - cuKeys[s];
        queries < 0 || queries > keys)
      throw std::runtime_error("expandedAttention: expected 0 to " + std::to_string(keys) +
                               " new queries of a context that long, got " + std::to_string(queries));
  const WalkSizes z{H, H, nope + rotary, value, 1, scale};
  std::vector<WalkTask> tasks = walkTasks(cuQueries, S, z, [&](int64_t s) { return cuKeys[s + 1] - cuKeys[s]; });
  dispatchType(type, [&](auto tag) {
    using T = decltype(tag);
    walkAll(static_cast<const T*>(q), static_cast<T*>(o), tasks, z,
            ExpandedBlocks<T>(static_cast<const T*>(kv), static_cast<const T*>(kRope), cuKeys, z, rotary));
  });
}

}  // namespace luciole
