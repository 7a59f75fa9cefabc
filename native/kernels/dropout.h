// Dropout: a mask that follows from a key and the place of each number. Knows nothing of shapes.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * y[i] = scale * x[i], or 0 where the first word of Threefry-2x32-20 at counter i under the key is below `threshold`;
 * f32 or bf16, both of one type; y may be x. Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
void dropout(const void* x, void* y, int64_t type, int64_t n, int64_t key0, int64_t key1, int64_t threshold,
             float scale);

}  // namespace luciole
