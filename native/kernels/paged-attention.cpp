// Attention over paged heads and paged latents. See paged.h.
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
  HeadBlocks(const C* keys, const C* values, Tables tables, const WalkSizes& z) : keys_(keys), values_(values), tables_(tables), z_(z), ldv_(padded(z.Dv)) {}

  int64_t floats() const { return kBlockKeys * (z_.Dk + ldv_); }

  KeyBlock keys(const WalkTask& task, int64_t i, float* scratch, const WalkStep& next) const {
    const float* words = keysOf(tables_.at(task.sequence, i), task.kvHead);
    KeyBlock out{words, z_.Dk, nullptr, 0, 0, z_.scale};
    if constexpr (kInPlace) {
      if (next.task && !isNarrow()) out.aheadKeys = {keysOf(next), kBlockKeys, 0};
      if (next.task && isNarrow()) fetchSpread(next, task.rows(z_), out.ahead);
    } else {
      unpackKeys(words, scratch);
      out.keysT = scratch;
    }
    return out;
  }

  void values(KeyBlock& out, const WalkTask& task, int64_t i, int64_t column, int64_t columns, float* scratch, const WalkStep& next) const {
    const float* words = valuesOf(tables_.at(task.sequence, i), task.kvHead) + column;
    const int64_t keys = task.keysAt(i);
    out.vectors = padded(columns) / kLanes;
    scratch += kBlockKeys * z_.Dk;
    if (!kInPlace || ldv_ != z_.Dv) {
      unpackValues(words, keys, columns, scratch);
      out.values = scratch, out.ldv = padded(columns);
      return;
    }
    out.values = words, out.ldv = z_.Dv;
    if (Pairs && keys % 2 == 1) splitTail(out, keys / 2, columns, scratch);
    if (next.task && !isNarrow()) out.aheadValues = {valuesOf(next), z_.Dv, kTileVectors * kLanes};
  }

  RowLines valueLines(const WalkTask& task, int64_t i, int64_t column, int64_t columns) const {
    return {valuesOf(tables_.at(task.sequence, i), task.kvHead) + column, kBlockKeys / P, columns, z_.Dv};
  }

 private:
  const float* keysOf(int64_t block, int64_t head) const { return reinterpret_cast<const float*>(keys_ + (block * z_.Hkv + head) * z_.Dk * kBlockKeys); }
  const float* keysOf(const WalkStep& step) const { return keysOf(tables_.at(step), step.task->kvHead); }
  const float* valuesOf(const WalkStep& step) const { return valuesOf(tables_.at(step), step.task->kvHead); }
  const float* valuesOf(int64_t block, int64_t head) const { return reinterpret_cast<const float*>(values_ + (block * z_.Hkv + head) * z_.Dv * kBlockKeys); }

  /** Whether values are no whole tile wide, so that products fetch nothing. */
  bool isNarrow() const { return z_.Dv < kTileVectors * kLanes; }

  void fetchSpread(const WalkStep& step, int64_t rows, Lookahead& ahead) const {
    const int64_t keys = step.task->keysAt(step.block);
    ahead.add({keysOf(step), z_.Dk / P, padded(keys), kBlockKeys});
    ahead.add({valuesOf(step), 1, roundUp(keys, P) / P * z_.Dv, 0});
    ahead.spreadOver(3 * ((rows + kTileRows - 1) / kTileRows));
  }

  /** The last key is alone in its word: what lies beside it is no value of this sequence, and must not be multiplied even by zero. */
  static void splitTail(KeyBlock& block, int64_t word, int64_t columns, float* scratch) {
    for (int64_t d = 0; d < columns; d += kLanes) store(scratch + d, asFloat(asInt(load(block.values + word * block.ldv + d)) & 0xffff));
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
  void unpackValues(const float* words, int64_t keys, int64_t columns, float* out) const {
    const int64_t ldv = padded(columns);
    for (int64_t t = 0; t < keys; t += P, words += z_.Dv)
      if constexpr (kInPlace) {
        const bool alone = Pairs && t + 1 == keys;
        eachVector(0, columns, [&](int64_t d, auto lanes) {
          const vf word = get(words + d, lanes);
          store(out + d, alone ? asFloat(asInt(word) & 0xffff) : word);
        });
        out += ldv;
      } else {
        eachVector(0, columns, [&](int64_t d, auto lanes) {
          const vi pair = asInt(get(words + d, lanes));
          store(out + d, asFloat(pair << 16));
          store(out + ldv + d, asFloat(pair & static_cast<int32_t>(0xffff0000)));
        });
        out += 2 * ldv;
      }
  }

  const C *keys_, *values_;
  Tables tables_;
  WalkSizes z_;
  int64_t ldv_;
};

/** Blocks of latents, one row a token: keys are the whole row, values its start. `C` is the element type, uint8_t for FP8. */
template <class C, bool Pairs>
class LatentBlocks {
  static constexpr bool kFp8 = std::is_same_v<C, uint8_t>;
  using Row = std::conditional_t<kFp8, bf16, C>;
  using Pack = Packer<Row, Pairs>;

 public:
  using Products = FloatProducts<Pairs>;
  LatentBlocks(const C* cache, Tables tables, const WalkSizes& z)
      : cache_(cache), tables_(tables), z_(z), entry_(kFp8 ? fp8EntryBytes(z.Dk, z.Dv) : z.Dk), ldv_(padded(z.Dv)) {}

  int64_t floats() const { return kBlockKeys * (words<Pairs>(z_.Dk) + ldv_) + (kFp8 ? (kBlockKeys * z_.Dk + 1) / 2 : 0); }

  KeyBlock keys(const WalkTask& task, int64_t i, float* scratch, const WalkStep& next) const {
    const int64_t keys = task.keysAt(i);
    const C* block = blockOf(tables_.at(task.sequence, i));
    Pack::transposed({rowsOf(block, keys, 0, z_.Dk, rowsIn(scratch)), keys, z_.Dk, 1, z_.Dk}, scratch);
    KeyBlock out{scratch, z_.Dk, nullptr, 0, 0, z_.scale};
    if (next.task)
      out.trickle(reinterpret_cast<const float*>(blockOf(tables_.at(next))), kBlockKeys * entry_ * sizeof(C) / sizeof(float), words<Pairs>(z_.Dk),
                  words<Pairs>(kBlockKeys), z_.Dv / (kTileVectors * kLanes));
    return out;
  }

  RowLines valueLines(const WalkTask& task, int64_t i, int64_t column, int64_t columns) const {
    return {blockOf(tables_.at(task.sequence, i)) + column, task.keysAt(i), columns, entry_};
  }

  /** A block that has its keys was read into the same scratch just before: its rows are still there. */
  void values(KeyBlock& out, const WalkTask& task, int64_t i, int64_t column, int64_t columns, float* scratch, const WalkStep&) const {
    const int64_t keys = task.keysAt(i);
    const C* block = blockOf(tables_.at(task.sequence, i));
    Row* decoded = rowsIn(scratch);
    const Row* rows = kFp8 && out.keysT ? decoded : rowsOf(block, keys, column, column + columns, decoded);
    scratch += kBlockKeys * words<Pairs>(z_.Dk);
    Pack::stacked({rows + column, keys, z_.Dk, 1, columns}, scratch);
    out.values = scratch, out.ldv = padded(columns), out.vectors = out.ldv / kLanes;
  }

 private:
  const C* blockOf(int64_t block) const { return cache_ + block * kBlockKeys * entry_; }
  Row* rowsIn(float* scratch) const { return reinterpret_cast<Row*>(scratch + kBlockKeys * (words<Pairs>(z_.Dk) + ldv_)); }

  /** Rows of Dk numbers, of which those in [begin, end) are there. */
  const Row* rowsOf(const C* block, [[maybe_unused]] int64_t keys, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end,
                    [[maybe_unused]] Row* room) const {
    if constexpr (kFp8) {
      for (int64_t t = 0; t < keys; ++t) decodeFp8(block + t * entry_, room + t * z_.Dk, z_.Dk, z_.Dv, begin, end);
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

void pagedAttention(const void* q, int64_t qType, const void* keys, const void* values, int64_t cacheType, void* o, const int32_t* tables, int64_t maxBlocks,
                    const int32_t* cuQueries, const int32_t* contextLengths, int64_t S, int64_t Hq, int64_t Hkv, int64_t Dk, int64_t Dv, float scale) {
  if (cacheType == kU8 && canMultiplyFp8(Dk, Dv))
    return pagedFp8Attention(q, qType, static_cast<const uint8_t*>(keys), o, tables, maxBlocks, cuQueries, contextLengths, S, Hq, Dk, Dv, scale);
  const WalkSizes z{Hq, Hkv, Dk, Dv, Hq / Hkv, scale};
  const Tables blocks{tables, maxBlocks};
  const std::vector<WalkTask> tasks = walkTasks(cuQueries, S, z, [&](int64_t s) { return contextLengths[s]; });
  dispatchType(qType, [&](auto qTag) {
    using Q = decltype(qTag);
    const auto run = [&](const auto& source) { walkAll(static_cast<const Q*>(q), static_cast<Q*>(o), tasks, z, source); };
    if (cacheType == kU8) return run(LatentBlocks<uint8_t, kPairs<Q>>(static_cast<const uint8_t*>(keys), blocks, z));
    dispatchType(cacheType, [&](auto cacheTag) {
      using C = decltype(cacheTag);
      constexpr bool Pairs = kPairs<Q> && kPairs<C>;
      if (values) run(HeadBlocks<C, Pairs>(static_cast<const C*>(keys), static_cast<const C*>(values), blocks, z));
      else run(LatentBlocks<C, Pairs>(static_cast<const C*>(keys), blocks, z));
    });
  });
}

}  // namespace luciole
