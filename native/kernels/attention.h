// Softmax attention over packed sequences, forward and backward. Knows nothing of models, rotary embedding or caches.
//
// One arithmetic order per query row, the same in attentionForward and in pagedAttention (paged.h), so a sampler's row
// equals the trainer's to the bit (same element type, same build):
//   q is multiplied by `scale` in f32; a score is one chain of fused multiply-adds over d ascending; keys are taken in
//   blocks of 64 from key 0 of the sequence; the softmax is updated online, block by block, over each span of kSpanKeys
//   by itself, and the
//   spans are folded together in order; within a block P·V is one chain over keys ascending; the normaliser is kept per
//   lane and summed
//   pairwise once at the end.
// Hidden keys add exact zeros, and a block or span that a sliding window hides from a row leaves the row's softmax as
// it is. Nothing depends on the row's neighbours, the thread count or the batch. f32 operands: all arithmetic is f32.
// bf16 operands where the dot instruction exists: products take two neighbours of the summed dimension at once, sums
// are f32; scores are multiplied by `scale` afterwards, and probabilities (and their gradients) are rounded to bf16
// where they are multiplied, as every flash attention in 16 bits does. Other builds widen bf16 and compute in f32. NaN
// in q, k or v shows in o.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * o[t,h] = sum_s softmax_s(scale q[t,h] . k[s,g]) v[s,g], g = h / (Hq / Hkv), s over the keys of t's own sequence
 * (causal: at positions up to t's own, and of these only the last `window` if that is not 0; window asks for causal).
 * softCap, if not 0, has scores become softCap tanh(score / softCap).
 * lse[t,h] = log sum_s exp(scale q[t,h] . k[s,g]); may be null. q [T,Hq,Dqk], k [T,Hkv,Dqk], v [T,Hkv,Dv], o [T,Hq,Dv]:
 * all f32 or all bf16 (`type`); lse [T,Hq] f32. cuSeqlens [numSeqs + 1]: offsets of the sequences in T, first 0, last
 * T. Scratch is O(192 (Dqk + Dv)) a thread. Source: Dao, "FlashAttention-2" (arXiv 2307.08691), algorithm 1.
 */
void attentionForward(const void* q, const void* k, const void* v, int64_t type, void* o, float* lse,
                      const int32_t* cuSeqlens, int64_t numSeqs, int64_t T, int64_t Hq, int64_t Hkv, int64_t Dqk,
                      int64_t Dv, float scale, bool causal, int64_t window, float softCap);

/**
 * dq, dk, dv from dO, with o and lse of attentionForward. Shapes and types as there; all three gradients are
 * overwritten. dk and dv sum over query rows ascending; dq sums over keys ascending, in up to 4 runs when a sequence
 * has 1024 tokens or more and Hkv is at most 8 (a function of these sizes only). Scratch is O(T). Source:
 * FlashAttention-2, algorithm 2.
 */
void attentionBackward(const void* q, const void* k, const void* v, const void* o, const void* dO, int64_t type,
                       const float* lse, void* dq, void* dk, void* dv, const int32_t* cuSeqlens, int64_t numSeqs,
                       int64_t T, int64_t Hq, int64_t Hkv, int64_t Dqk, int64_t Dv, float scale, bool causal,
                       int64_t window, float softCap);

}  // namespace luciole
