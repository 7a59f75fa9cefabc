// Attention over paged heads and paged latents. See paged.h.
#include <stdexcept>
#include <string>

#include "context-walk.h"
#include "dtype.h"
#include "fp8-latent.h"
#include "paged-fp8.h"
#include "paged-tables.h"
#include "paged.h"

namespace luciole {
namespace {

using namespace attention;

/** Blocks of heads that lie as the products read them; only what the build or odd widths ask for is copied. */
template <class C, bool Pairs>
class HeadBlocks {
  static constexpr bool kInPlace = Pairs || std::is_same_v<C, float>;
  static constexpr int64_t P = sizeof(C) == 2 ? 2 : 1;

 public:
  using Products = FloatProducts<Pairs>;
  HeadBlocks(const C* keys, const C* values, Tables tables, const WalkSizes& z)
      : keys_(keys), values_(values), tables_(tables), z_(z), ldv_(padded(z.Dv)) {}

  int64_t floats() const { return kBlockKeys * (z_.Dk + ldv_); }

  KeyBlock block(const WalkTask& task, int64_t i, float* scratch, const WalkStep& next) const {
    const WalkStep here{&task, i};
    const int64_t keys = task.keysAt(i);
    KeyBlock out{keysOf(here), z_.Dk, valuesOf(here), z_.Dv, ldv_ / kLanes, z_.scale, z_.softCap};
    if constexpr (!kInPlace) {
      unpackKeys(out.keysT, scratch);
      out.keysT = scratch;
    }
    scratch += kBlockKeys * z_.Dk;
    if (!kInPlace || ldv_ != z_.Dv) {
      unpackValues(out.values, keys, scratch);
      out.values = scratch, out.ldv = ldv_;
    } else if (Pairs && keys % 2 == 1) {
      splitTail(out, keys / 2, scratch);
    }
    if (next.task) fetch(next, task.rows(z_), out);
    return out;
  }

 private:
  const float* keysOf(int64_t block, int64_t head) const {
    return reinterpret_cast<const float*>(keys_ + (block * z_.Hkv + head) * z_.Dk * kBlockKeys);
  }
  const float* keysOf(const WalkStep& step) const { return keysOf(tables_.at(step), step.task->kvHead); }
  const float* valuesOf(const WalkStep& step) const { return valuesOf(tables_.at(step), step.task->kvHead); }
  const float* valuesOf(int64_t block, int64_t head) const {
    return reinterpret_cast<const float*>(values_ + (block * z_.Hkv + head) * z_.Dv * kBlockKeys);
  }

  /**
   * Has `out` fetch the block at `step`; narrow heads leave products no time for it, so there it is fetched in between.
   */
  void fetch(const WalkStep& step, int64_t rows, KeyBlock& out) const {
    if (z_.Dv >= kTileVectors * kLanes) {
      if (kInPlace)
        out.aheadKeys = {keysOf(step), kBlockKeys, 0}, out.aheadValues = {valuesOf(step), z_.Dv, kTileVectors * kLanes};
      return;
    }
    const int64_t keys = step.task->keysAt(step.block);
    out.ahead.add({keysOf(step), z_.Dk / P, padded(keys), kBlockKeys});
    out.ahead.add({valuesOf(step), 1, roundUp(keys, P) / P * z_.Dv, 0});
    out.ahead.spreadOver(3 * ((rows + kTileRows - 1) / kTileRows));
  }

  /**
   * The last key is alone in its word: what lies beside it is no value of this sequence, and must not be multiplied
   * even by zero.
   */
  void splitTail(KeyBlock& block, int64_t word, float* scratch) const {
    for (int64_t d = 0; d < z_.Dv; d += kLanes)
      store(scratch + d, asFloat(asInt(load(block.values + word * block.ldv + d)) & 0xffff));
    block.wholeWords = word, block.tailValues = scratch;
  }

  /** Rows of words into rows of f32, two a row. */
  void unpackKeys(const float* words, float* out) const {
    for (int64_t w = 0; w < z_.Dk / 2; ++w, out += 2 * kBlockKeys)
      for (int64_t t = 0; t < kBlockKeys; t += kLanes) {
        const vi pair = asInt(load(words + w * kBlockKeys + t));
        store(out + t, asFloat(pair << 16));
        store(out + kBlockKeys + t, asFloat(pair & static_cast<int32_t>(0xffff0000)));
      }
  }

  /** Values into rows as wide as whole vectors: words stay words where products take pairs, else they become f32. */
  void unpackValues(const float* words, int64_t keys, float* out) const {
    for (int64_t t = 0; t < keys; t += P, words += z_.Dv)
      if constexpr (kInPlace) {
        const bool alone = Pairs && t + 1 == keys;
        eachVector(0, z_.Dv, [&](int64_t d, auto lanes) {
          const vf word = get(words + d, lanes);
          store(out + d, alone ? asFloat(asInt(word) & 0xffff) : word);
        });
        out += ldv_;
      } else {
        eachVector(0, z_.Dv, [&](int64_t d, auto lanes) {
          const vi pair = asInt(get(words + d, lanes));
          store(out + d, asFloat(pair << 16));
          store(out + ldv_ + d, asFloat(pair & static_cast<int32_t>(0xffff0000)));
        });
        out += 2 * ldv_;
      }
  }

  const C *keys_, *values_;
  Tables tables_;
  WalkSizes z_;
  int64_t ldv_;
};

/**
 * Blocks of latents, one row a token: keys are the whole row, values its start. `C` is the element type, uint8_t for
 * FP8.
 */
template <class C, bool Pairs>
class LatentBlocks {
  static constexpr bool kFp8 = std::is_same_v<C, uint8_t>;
  using Row = std::conditional_t<kFp8, bf16, C>;
  using Pack = Packer<Row, Pairs>;

 public:
  using Products = FloatProducts<Pairs>;
  LatentBlocks(const C* cache, Tables tables, const WalkSizes& z)
      : cache_(cache), tables_(tables), z_(z), entry_(kFp8 ? fp8EntryBytes(z.Dk, z.Dv) : z.Dk), ldv_(padded(z.Dv)) {}

  int64_t floats() const {
    return kBlockKeys * (words<Pairs>(z_.Dk) + ldv_) + (kFp8 ? (kBlockKeys * z_.Dk + 1) / 2 : 0);
  }

  KeyBlock block(const WalkTask& task, int64_t i, float* scratch, const WalkStep& next) const {
    const int64_t keys = task.keysAt(i);
    float* values = scratch + kBlockKeys * words<Pairs>(z_.Dk);
    const Row* rows = rowsOf(blockOf({&task, i}), keys, reinterpret_cast<Row*>(values + kBlockKeys * ldv_));
    Pack::transposed({rows, keys, z_.Dk, 1, z_.Dk}, scratch);
    Pack::stacked({rows, keys, z_.Dk, 1, z_.Dv}, values);
    KeyBlock out{scratch, z_.Dk, values, ldv_, ldv_ / kLanes, z_.scale};
    if (next.task)
      out.trickle(reinterpret_cast<const float*>(blockOf(next)), kBlockKeys * entry_ * sizeof(C) / sizeof(float),
                  words<Pairs>(z_.Dk), words<Pairs>(kBlockKeys), z_.Dv / (kTileVectors * kLanes));
    return out;
  }

 private:
  const C* blockOf(const WalkStep& step) const { return cache_ + tables_.at(step) * kBlockKeys * entry_; }

  /** Rows of Dk numbers. */
  const Row* rowsOf(const C* block, [[maybe_unused]] int64_t keys, [[maybe_unused]] Row* room) const {
    if constexpr (kFp8) {
      for (int64_t t = 0; t < keys; ++t) decodeFp8(block + t * entry_, room + t * z_.Dk, z_.Dk, z_.Dv);
      return room;
    } else {
      return block;
    }
  }

  const C* cache_;
  Tables tables_;
  WalkSizes z_;
  int64_t entry_, ldv_;
};

}  // namespace

void pagedAttention(const void* q, int64_t qType, const void* keys, const void* values, int64_t cacheType,
                    int64_t numBlocks, void* o, const int32_t* tables, int64_t maxBlocks, const int32_t* cuQueries,
                    const int32_t* contextLengths, int64_t S, int64_t Hq, int64_t Hkv, int64_t Dk, int64_t Dv,
                    float scale, int64_t window, float softCap) {
  const Tables blocks{tables, maxBlocks, numBlocks};
  for (int64_t s = 0; s < S; ++s) {
    blocks.check(s, contextLengths[s]);
    if (const int64_t queries = cuQueries[s + 1] - cuQueries[s]; queries < 0 || queries > contextLengths[s])
      throw std::runtime_error("paged cache: expected 0 to " + std::to_string(contextLengths[s]) +
                               " new queries of a context that long, got " + std::to_string(queries));
  }
  if (cacheType == kU8 && canMultiplyFp8(Dk, Dv))
    return pagedFp8Attention(q, qType, static_cast<const uint8_t*>(keys), o, blocks, cuQueries, contextLengths, S, Hq,
                             Dk, Dv, scale);
  const WalkSizes z{Hq, Hkv, Dk, Dv, Hq / Hkv, scale, window, softCap};
  std::vector<WalkTask> tasks = walkTasks(cuQueries, S, z, [&](int64_t s) { return contextLengths[s]; });
  dispatchType(qType, [&](auto qTag) {
    using Q = decltype(qTag);
    const auto run = [&](const auto& source) {
      walkAll(static_cast<const Q*>(q), static_cast<Q*>(o), tasks, z, source);
    };
    if (cacheType == kU8) return run(LatentBlocks<uint8_t, kPairs<Q>>(static_cast<const uint8_t*>(keys), blocks, z));
    dispatchType(cacheType, [&](auto cacheTag) {
      using C = decltype(cacheTag);
      constexpr bool Pairs = kPairs<Q> && kPairs<C>;
      if (values)
        run(HeadBlocks<C, Pairs>(static_cast<const C*>(keys), static_cast<const C*>(values), blocks, z));
      else
        run(LatentBlocks<C, Pairs>(static_cast<const C*>(keys), blocks, z));
    });
  });
}

}  // namespace luciole
