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

/** Query heads [head, head + heads) of row b: all share one kv head. */
struct Task {
  int64_t b, kvHead, head, heads, length;
};

/** One task a kv head, or several when that leaves threads idle and each part still has enough heads to pay for packing the keys again. */
std::vector<Task> split(const int32_t* lengths, int64_t B, const Cache& z) {
  const int64_t wanted = (2 * threadCount() + B * z.Hkv - 1) / (B * z.Hkv);
  const int64_t parts = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, z.group / kTileRows));
  std::vector<Task> tasks;
  for (int64_t b = 0; b < B; ++b)
    for (int64_t h = 0; h < z.Hkv; ++h)
      for (int64_t i = 0; i < parts; ++i) {
        const int64_t first = z.group * i / parts, last = z.group * (i + 1) / parts;
        tasks.push_back({b, h, h * z.group + first, last - first, lengths[b]});
      }
  std::stable_sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) { return a.length > b.length; });
  return tasks;
}

/** The values of a block as f32: in place where they already are whole vectors of f32, else packed into scratch. */
template <class C>
KeyBlock blockValues(const C* v, int64_t keys, const Cache& z, float* scratch, int64_t ldo) {
  if constexpr (std::is_same_v<C, float>)
    if (ldo == z.Dv) return {nullptr, z.Dk, v, z.vTokenStride, ldo / kLanes};
  packRows(v, keys, z.vTokenStride, 1, z.Dv, 1.0f, scratch, ldo);
  return {nullptr, z.Dk, scratch, ldo, ldo / kLanes};
}

template <class Q, class C>
void decodeTask(const Q* q, const C* kCache, const C* vCache, Q* o, int64_t slot, const Task& task, const Cache& z) {
  const int64_t ldo = padded(z.Dv), stateFloats = Softmax::size(task.heads, ldo);
  float* scratch = static_cast<float*>(threadScratch(0, sizeof(float) * (stateFloats + task.heads * z.Dk + kBlockKeys * (z.Dk + ldo))));
  const Softmax state = Softmax::in(scratch, task.heads, ldo);
  float *keysT = scratch + stateFloats, *values = keysT + kBlockKeys * z.Dk, *queries = values + kBlockKeys * ldo;
  const int64_t firstRow = task.b * z.Hq + task.head;
  packRows(q + firstRow * z.Dk, 1, 0, task.heads, z.Dk, z.scale, queries, z.Dk);

  const C *k = kCache + slot * z.kSlotStride + task.kvHead * z.Dk, *v = vCache + slot * z.vSlotStride + task.kvHead * z.Dv;
  for (int64_t key = 0; key < task.length; key += kBlockKeys) {
    const int32_t keys = static_cast<int32_t>(std::min(kBlockKeys, task.length - key));
    packTransposed(k + key * z.kTokenStride, keys, z.kTokenStride, z.Dk, keysT);
    KeyBlock block = blockValues(v + key * z.vTokenStride, keys, z, values, ldo);
    block.keysT = keysT;
    const int32_t visible[kTileRows] = {keys, keys, keys, keys, keys, keys};
    for (int64_t row = 0; row < task.heads; row += kTileRows)
      attendRows(std::min<int64_t>(kTileRows, task.heads - row), queries + row * z.Dk, z.Dk, visible, block, state.at(row));
  }
  for (int64_t row = 0; row < task.heads; ++row) state.at(row).finish(o + (firstRow + row) * z.Dv, z.Dv, nullptr);
}

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
  const std::vector<Task> tasks = split(lengths, B, cache);
  int64_t work = 0;
  for (const Task& task : tasks) work += task.length * (task.heads + 4) * (Dk + Dv);
  const int64_t count = static_cast<int64_t>(tasks.size()), grain = std::clamp<int64_t>(kInlineWork / 2 * count / std::max<int64_t>(1, work), 1, count);
  dispatchType(qType, [&](auto qTag) {
    dispatchType(cacheType, [&](auto cacheTag) {
      using Q = decltype(qTag);
      using C = decltype(cacheTag);
      parallelFor(count, work < kInlineWork ? count : grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          decodeTask(static_cast<const Q*>(q), static_cast<const C*>(kCache), static_cast<const C*>(vCache), static_cast<Q*>(o), slots[tasks[i].b], tasks[i],
                     cache);
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
