// Attention over paged FP8 latents by the int8 dot product: twice the products of bf16 in one instruction. See paged.h
// for the cache.
#pragma once
#include <cstdint>

#include "paged-tables.h"

namespace luciole {

/** Whether this build has the instructions and the widths suit: Dv a multiple of 128 numbers, Dk - Dv of 2. */
bool canMultiplyFp8(int64_t Dk, int64_t Dv);

/**
 * pagedAttention over u8 latents. Every 128 numbers of a query are rounded to int8 (scale amax / 127), e4m3 to int8
 * (448 becomes 127), the rotary part stays bf16; probabilities times a latent's scale are rounded to 8 bits of the
 * largest of 64 keys. Sums are exact in i32, then f32: half a percent of rounding beside e4m3's own 3. A row's bits
 * depend on its query and its context alone.
 */
void pagedFp8Attention(const void* q, int64_t qType, const uint8_t* cache, void* o, const Tables& tables,
                       const int32_t* cuQueries, const int32_t* contextLengths, int64_t S, int64_t Hq, int64_t Dk,
                       int64_t Dv, float scale);

}  // namespace luciole
