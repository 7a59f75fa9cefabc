// Checks of i32 operands that say where memory is read or written. The op's declaration says what an operand may hold
// (src/tensor/op.ts); kernels rely on it. Knows no op.
#pragma once
#include <cstdint>

namespace luciole {

/** Throws unless every one of `count` indexes is in [from, below). */
void checkIndexes(const int32_t* indexes, int64_t count, int64_t from, int64_t below);

/** Throws unless `count` offsets never fall, and go from 0 to `end`, or stay inside of that when `within`. */
void checkOffsets(const int32_t* offsets, int64_t count, int64_t end, bool within);

}  // namespace luciole
