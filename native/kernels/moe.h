// Moving tokens to expert-sorted rows and back. Knows nothing of how experts were chosen or what they compute.
// T tokens, E experts, K choices per token; row r of the sorted order belongs to the expert e with offsets[e] <= r <
// offsets[e+1].
#pragma once
#include <cstdint>

namespace luciole {

/**
 * Stable counting sort of indices [T,K] by expert: offsets [E+1], rowToken [T K] = the token of each row, tokenRow
 * [T,K] = the row of each choice, load [E] (may be null) += the number of rows of each expert. Throws if an index is
 * outside [0, E).
 */
void moeDispatch(const int32_t* indices, int32_t* offsets, int32_t* rowToken, int32_t* tokenRow, float* load, int64_t T,
                 int64_t E, int64_t K);

/**
 * y[t] = add[t] + sum_k weights[t,k] rows[tokenRow[t,k]], summed in the order of k in f32; add [T,d] may be null (0)
 * and may be y.
 */
void moeCombine(const void* rows, int64_t type, const float* weights, const int32_t* tokenRow, const void* add,
                int64_t addType, void* y, int64_t yType, int64_t T, int64_t K, int64_t d);

/**
 * dRows[tokenRow[t,k]] = weights[t,k] dy[t] (of the type of rows), dWeights[t,k] = dot(rows[tokenRow[t,k]], dy[t]);
 * dRows may be rows.
 */
void moeCombineBackward(const void* rows, int64_t type, const float* weights, const int32_t* tokenRow, const void* dy,
                        int64_t dyType, void* dRows, float* dWeights, int64_t T, int64_t K, int64_t d);

/** dx[t] (+)= sum_k dRows[tokenRow[t,k]], in the order of k: the gradient of gathering tokens into rows. */
void gatherSumRows(const void* dRows, int64_t type, const int32_t* tokenRow, void* dx, int64_t dxType, bool accumulate,
                   int64_t T, int64_t K, int64_t d);

}  // namespace luciole
