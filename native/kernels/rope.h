// Rotary position embedding, alone and inside the assembly of MLA's queries, keys and values. Knows nothing of
// attention.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * Rotates dims [offset, offset + R) of every head of x [T,H,D] (f32 or bf16) by angle = positions[t] * invFreq[i], i <
 * R/2, times factor; the other dims are copied. Half-split: pairs are (i, i + R/2). Interleaved (DeepSeek's weights):
 * pairs are (2i, 2i+1) and the output is written de-interleaved, first members then second ones, as Hugging Face's
 * rope_interleave does. `inverse` computes the transpose (the gradient; it maps back to the interleaved order). y must
 * not be x when interleaved. Angles are reduced in double, so positions beyond 131072 keep f32 accuracy. Source: Su et
 * al., RoFormer, eq. 34.
 */
void rope(const void* x, void* y, int64_t type, const int32_t* positions, const float* invFreq, int64_t T, int64_t H,
          int64_t D, int64_t offset, int64_t R, bool interleaved, bool inverse, float factor);

/**
 * MLA's attention inputs from its projections (DeepSeek-V2 eqs. 14-19), rotation as in `rope`, all of one type:
 * qIn [T,H,nope+rope], kv [T,H,nope+value], kRope [T,rope] -> q [T,H,nope+rope] with its last dims rotated,
 * k [T,H,nope+rope] = [kv's first nope | rotated kRope, the same for every head], v [T,H,value] = kv's rest.
 */
void mlaAssemble(const void* qIn, const void* kv, const void* kRope, int64_t type, const int32_t* positions,
                 const float* invFreq, void* q, void* k, void* v, int64_t T, int64_t H, int64_t nope, int64_t ropeDim,
                 int64_t value, bool interleaved, float factor);

/**
 * Gradients of mlaAssemble: dq, dk, dv (shapes of q, k, v) -> dqIn, dkv, dkRope; dkRope sums over heads in order, in
 * f32.
 */
void mlaAssembleBackward(const void* dq, const void* dk, const void* dv, int64_t type, const int32_t* positions,
                         const float* invFreq, void* dqIn, void* dkv, void* dkRope, int64_t T, int64_t H, int64_t nope,
                         int64_t ropeDim, int64_t value, bool interleaved, float factor);

}  // namespace luciole
