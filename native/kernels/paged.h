// Attention over a paged cache, over the expanded context of MLA, and the cache's writes and reads.
// Knows nothing of models, of rotary embedding or of which sequence owns which block.
//
// Blocks hold 64 tokens, the keys of one softmax update, so a row's bits are those of attention.h's kernels for the
// same numbers, wherever the blocks lie and however many queries come at once. Layouts (P = 2 in bf16, 1 in f32),
// `tables` [S, maxBlocks] lists a sequence's blocks:
//   heads   keys [blocks, Hkv, Dk/P, 64, P], values [blocks, Hkv, 64/P, Dv, P]: as the products read them, so nothing
//           is packed
//   latent  f32 or bf16 [blocks, 64, width]; FP8 (type u8) [blocks, 64, bytes]: `latent` e4m3, an f32 scale for every
//           128 of them, the rest bf16
#pragma once
#include <cstdint>

namespace luciole {

// All throw where a table, a block or an offset points outside the cache of numBlocks.

/** What a cache holds, as it travels through the binding. */
enum PagedRole : int64_t { kPagedKeys = 0, kPagedValues = 1, kPagedLatent = 2 };

/**
 * Entry (blockIds[r], offsets[r]) of the cache = row r of x [R, heads, width], f32 or bf16, converted. No two rows
 * share an entry. FP8: scale = amax / 448 of every 128 numbers, e4m3 nearest (ties to even) to x times 448 / amax.
 */
void pagedWrite(const void* x, int64_t xType, void* cache, int64_t cacheType, int64_t role, const int32_t* blockIds,
                const int32_t* offsets, int64_t R, int64_t heads, int64_t width, int64_t latent);

/**
 * out[cuKeys[s] + t] = the latent of position t of sequence s, `width` numbers of outType; e4m3 times scale is rounded
 * to bf16.
 */
void gatherPaged(const void* cache, int64_t cacheType, int64_t numBlocks, const int32_t* tables, int64_t maxBlocks,
                 const int32_t* cuKeys, int64_t S, void* out, int64_t outType, int64_t width, int64_t latent);

/**
 * Attention of new queries over cached keys: rows cuQueries[s] .. cuQueries[s+1] - 1 of q [T,Hq,Dk] are the last
 * positions of a context of contextLengths[s] keys, each sees the keys up to its own, and of these only the last
 * `window` if that is not 0 (heads only), with scores softly capped by softCap if that is not 0 (heads only).
 * o [T,Hq,Dv] of q's type. values null: latents, of which the first Dv are the values.
 */
void pagedAttention(const void* q, int64_t qType, const void* keys, const void* values, int64_t cacheType,
                    int64_t numBlocks, void* o, const int32_t* tables, int64_t maxBlocks, const int32_t* cuQueries,
                    const int32_t* contextLengths, int64_t S, int64_t Hq, int64_t Hkv, int64_t Dk, int64_t Dv,
                    float scale, int64_t window, float softCap);

/**
 * The same over contexts that lie end to end, with MLA's expanded operands: keys (kv[n,h,0..nope), kRope[n]), values
 * kv[n,h,nope..) of kv [N,H,nope+value], kRope [N,rotary]; sequence s has rows cuKeys[s] .. cuKeys[s+1] - 1. q
 * [T,H,nope+rotary], o [T,H,value]; all of one type.
 */
void expandedAttention(const void* q, const void* kv, const void* kRope, int64_t type, void* o,
                       const int32_t* cuQueries, const int32_t* cuKeys, int64_t S, int64_t H, int64_t nope,
                       int64_t rotary, int64_t value, float scale);

}  // namespace luciole
