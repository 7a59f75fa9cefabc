// Attention over packed sequences, forward. See attention.h.
#include <vector>

#include "attention-tile.h"
#include "attention.h"
#include "dtype.h"
#include "pool.h"

namespace luciole {
namespace {

using namespace attention;

constexpr int64_t kTaskRows = 192;         // query rows a task keeps in cache while the keys pass by
constexpr int64_t kInlineWork = 1 << 18;   // multiply-adds below which waking a thread costs more than it gives

struct Task {
  int64_t begin, end;  // tokens of the sequence
  int64_t first, positions;  // the task's query positions, counted from `begin`
  int64_t kvHead;
  int64_t work() const { return positions * (first + positions); }
};

struct Sizes {
  int64_t Hq, Hkv, Dqk, Dv, group;
  float scale;
  bool causal;
};

std::vector<Task> split(const int32_t* cuSeqlens, int64_t numSeqs, const Sizes& sizes) {
  std::vector<Task> tasks;
  const int64_t most = std::max<int64_t>(1, kTaskRows / sizes.group);
  for (int64_t i = 0; i < numSeqs; ++i) {
    const int64_t begin = cuSeqlens[i], length = cuSeqlens[i + 1] - begin, blocks = (length + most - 1) / most;
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t h = 0; h < sizes.Hkv; ++h)
        tasks.push_back({begin, begin + length, length * b / blocks, length * (b + 1) / blocks - length * b / blocks, h});
  }
  std::stable_sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) { return a.work() > b.work(); });
  return tasks;
}

template <class T>
void attendTask(const T* q, const T* k, const T* v, T* o, float* lse, const Task& task, const Sizes& z) {
  const int64_t rows = task.positions * z.group, ldo = padded(z.Dv), length = task.end - task.begin;
  const int64_t stateFloats = Softmax::size(rows, ldo);
  float* scratch = static_cast<float*>(threadScratch(0, sizeof(float) * (stateFloats + rows * z.Dqk + kBlockKeys * (z.Dqk + ldo))));
  const Softmax state = Softmax::in(scratch, rows, ldo);
  float *keysT = scratch + stateFloats, *values = keysT + kBlockKeys * z.Dqk, *queries = values + kBlockKeys * ldo;
  const int64_t firstToken = task.begin + task.first, firstRow = firstToken * z.Hq + task.kvHead * z.group;
  packRows(q + firstRow * z.Dqk, task.positions, z.Hq * z.Dqk, z.group, z.Dqk, z.scale, queries, z.Dqk);

  const int64_t seen = z.causal ? task.first + task.positions : length;
  for (int64_t key = 0; key < seen; key += kBlockKeys) {
    const int64_t keys = std::min(kBlockKeys, seen - key), token = task.begin + key;
    packTransposed(k + (token * z.Hkv + task.kvHead) * z.Dqk, keys, z.Hkv * z.Dqk, z.Dqk, keysT);
    packRows(v + (token * z.Hkv + task.kvHead) * z.Dv, keys, z.Hkv * z.Dv, 1, z.Dv, 1.0f, values, ldo);
    const KeyBlock block{keysT, z.Dqk, values, ldo, ldo / kLanes};
    for (int64_t row = 0; row < rows; row += kTileRows) {
      const int64_t count = std::min<int64_t>(kTileRows, rows - row);
      int32_t visible[kTileRows];
      for (int64_t r = 0; r < count; ++r)
        visible[r] = static_cast<int32_t>(z.causal ? std::clamp<int64_t>(task.first + (row + r) / z.group + 1 - key, 0, keys) : keys);
      if (visible[count - 1] > 0) attendRows(count, queries + row * z.Dqk, z.Dqk, visible, block, state.at(row));
    }
  }
  for (int64_t p = 0, row = 0; p < task.positions; ++p)
    for (int64_t g = 0; g < z.group; ++g, ++row) {
      const int64_t at = firstRow + p * z.Hq + g;
      state.at(row).finish(o + at * z.Dv, z.Dv, lse ? lse + at : nullptr);
    }
}

}  // namespace

void attentionForward(const void* q, const void* k, const void* v, int64_t type, void* o, float* lse, const int32_t* cuSeqlens, int64_t numSeqs, int64_t T,
                      int64_t Hq, int64_t Hkv, int64_t Dqk, int64_t Dv, float scale, bool causal) {
  if (T == 0 || Hq == 0 || Hkv == 0) return;
  const Sizes sizes{Hq, Hkv, Dqk, Dv, Hq / Hkv, scale, causal};
  const std::vector<Task> tasks = split(cuSeqlens, numSeqs, sizes);
  int64_t work = 0;
  for (const Task& task : tasks) work += task.work();
  const int64_t count = static_cast<int64_t>(tasks.size()), grain = work * sizes.group * (Dqk + Dv) < kInlineWork ? count : 1;
  dispatchType(type, [&](auto tag) {
    using E = decltype(tag);
    parallelFor(count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        attendTask(static_cast<const E*>(q), static_cast<const E*>(k), static_cast<const E*>(v), static_cast<E*>(o), lse, tasks[i], sizes);
    });
  });
}

}  // namespace luciole
