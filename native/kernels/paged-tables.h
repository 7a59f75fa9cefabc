// Where the blocks of a sequence lie in a paged cache. Knows nothing of what they hold.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

#include "context-walk.h"

namespace luciole {

/** Block tables [S, maxBlocks] into a cache of numBlocks. */
struct Tables {
  const int32_t* tables;
  int64_t maxBlocks, numBlocks;
  int64_t at(int64_t sequence, int64_t i) const { return tables[sequence * maxBlocks + i]; }
  int64_t at(const attention::WalkStep& step) const { return at(step.task->sequence, step.block); }

  /** Throws unless a sequence's table has a block of the cache for each of its first `keys` keys. */
  void check(int64_t sequence, int64_t keys) const {
    const int64_t most = maxBlocks * attention::kBlockKeys;
    if (keys < 0 || keys > most)
      throw std::runtime_error("paged cache: expected contexts of 0 to " + std::to_string(most) +
                               " tokens, as tables of " + std::to_string(maxBlocks) + " blocks hold, got " +
                               std::to_string(keys));
    for (int64_t i = 0; i * attention::kBlockKeys < keys; ++i)
      if (const int64_t block = at(sequence, i); block < 0 || block >= numBlocks)
        throw std::runtime_error("paged cache: expected blocks in [0, " + std::to_string(numBlocks) + "), got " +
                                 std::to_string(block));
  }
};

}  // namespace luciole
