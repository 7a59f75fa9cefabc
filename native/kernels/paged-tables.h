// Where the blocks of a sequence lie in a paged cache, and which is read next. Knows nothing of what they hold.
#pragma once
#include <cstdint>

#include "context-walk.h"

namespace luciole {

/** Block tables [S, maxBlocks]. */
struct Tables {
  const int32_t* tables;
  int64_t maxBlocks;
  int64_t at(int64_t sequence, int64_t i) const { return tables[sequence * maxBlocks + i]; }
  /** The block read after block i of the task: its next one, else the first of `next`; -1 where there is none. */
  int64_t after(const attention::WalkTask& task, int64_t i, const attention::WalkTask* next) const {
    if (i + 1 < task.blocks()) return at(task.sequence, i + 1);
    return next ? at(next->sequence, 0) : -1;
  }
};

}  // namespace luciole
