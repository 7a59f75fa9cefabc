// Where the blocks of a sequence lie in a paged cache. Knows nothing of what they hold.
#pragma once
#include <cstdint>

#include "context-walk.h"

namespace luciole {

/** Block tables [S, maxBlocks]. */
struct Tables {
  const int32_t* tables;
  int64_t maxBlocks;
  int64_t at(int64_t sequence, int64_t i) const { return tables[sequence * maxBlocks + i]; }
  int64_t at(const attention::WalkStep& step) const { return at(step.task->sequence, step.block); }
};

}  // namespace luciole
