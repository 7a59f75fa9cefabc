// Moving whole rows: concatenation and splitting along the last dimension, gather, and the deterministic scatter-add.
// Knows nothing of models.
#pragma once
#include <cstdint>

namespace luciole {

/** y [rows, widthA + widthB] = [a | b]; any element type of `elementBytes`. */
void concatLast(const void* a, const void* b, void* y, int64_t elementBytes, int64_t rows, int64_t widthA,
                int64_t widthB);
/** a [rows, widthA], b [rows, widthB] from x [rows, widthA + widthB]; either output may be null. */
void splitLast(const void* x, void* a, void* b, int64_t elementBytes, int64_t rows, int64_t widthA, int64_t widthB);

/** y[r] = x[index[r]], rows of `width` elements. */
void gatherRows(const void* x, const int32_t* index, void* y, int64_t elementBytes, int64_t rows, int64_t width);

/**
 * dx [numTargets, width] = 0, then dx[index[r]] += dy[r] in the order of r, in f32; indexes may repeat. Throws if one
 * is outside [0, numTargets).
 */
void scatterAddRows(const void* dy, int64_t dyType, const int32_t* index, void* dx, int64_t dxType, int64_t rows,
                    int64_t width, int64_t numTargets);

/**
 * y[t] = table[ids[t]] with a cast; table [V, d], ids [T], y [T, d]; f32 or bf16. Throws if an id is outside [0, V).
 */
void embedding(const void* table, int64_t tableType, const int32_t* ids, void* y, int64_t yType, int64_t T, int64_t d);
/** dTable [V, d] (+)= the rows of dy [T, d], added in the order of t. */
void embeddingBackward(const int32_t* ids, const void* dy, int64_t dyType, float* dTable, bool accumulate, int64_t T,
                       int64_t V, int64_t d);

}  // namespace luciole
