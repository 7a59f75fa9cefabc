// Numbers into the storage types of weights (block-formats.ts says what their bytes mean), by the search of
// block-encoders.ts. Knows nothing of tensors.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * `count` finite numbers, whole blocks of them, as bytes of `type`: bf16, f16, e4m3 (without scales) or a type in
 * blocks. The bytes of block-encoders.ts, which computes in f64: so does this, in the same order for each block,
 * several blocks side by side.
 */
void encodeWeights(const float* x, int64_t type, int64_t count, void* out);

}  // namespace luciole
