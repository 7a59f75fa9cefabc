// See head.h.
#include "head.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "dtype.h"
#include "gemm.h"
#include "lanes.h"
#include "pool.h"
#include "scratch.h"
#include "softmax-row.h"
#include "stored-linear.h"

namespace luciole {
namespace {

constexpr int64_t kLogitBytes = 32 << 20;

/**
 * Rows whose logits are held at once, a function of V alone: at least 128, or repacking W for each chunk would
 * dominate.
 */
int64_t chunkRows(int64_t V) { return std::clamp<int64_t>(kLogitBytes / (4 * std::max<int64_t>(V, 1)), 128, 4096); }

struct Head {
  const void* h;
  int64_t hType;
  const void* W;
  int64_t wType;
  bool packed;
  const float* scales;
  const int32_t* targets;
  int64_t T, V, d;
  float softCap;  // of logits; 0: none
  bool bf16Compute;

  /** Whether W is held in a type that stored-linear.h multiplies. */
  bool isStored() const { return wType != kF32 && wType != kBf16; }
  /** Floats between two rows of logits: stored products write them without a gap. */
  int64_t logitStride() const { return isStored() ? V : (V + 15) / 16 * 16; }
  /** Whether gradients of logits are bf16, which products of plain weights in bf16 round them to in any case. */
  bool hasBf16Gradients() const { return bf16Compute && !isStored(); }
};

/** logits [count, V] of hidden states x [count, d]. */
void multiplyRows(const Head& head, int64_t count, const void* x, float* logits) {
  if (head.isStored())
    return storedLinear(count, head.V, head.d, x, head.hType, head.W, head.wType, head.packed, head.scales, logits,
                        kF32, nullptr, nullptr, kF32);
  if (head.packed)
    return gemmPacked(true, count, head.V, head.d, x, head.hType, head.d, head.W, head.wType, logits, kF32,
                      head.logitStride(), false, nullptr, nullptr, kF32);
  gemm(false, true, count, head.V, head.d, x, head.hType, head.d, head.W, head.wType, head.d, logits, kF32,
       head.logitStride(), false, nullptr, nullptr, kF32, head.bf16Compute);
}

/** dx [count, d] from the gradients of logits that takeGradient left. */
void multiplyBack(const Head& head, int64_t count, const float* logits, void* dx, int64_t dxType) {
  const int64_t type = head.hasBf16Gradients() ? kBf16 : kF32;
  const int64_t stride = head.hasBf16Gradients() ? 2 * head.logitStride() : head.logitStride();
  if (head.isStored())
    return storedLinearBackward(count, head.V, head.d, logits, kF32, head.W, head.wType, head.packed, head.scales, dx,
                                dxType, false);
  if (head.packed)
    return gemmPacked(false, count, head.d, head.V, logits, type, stride, head.W, head.wType, dx, dxType, head.d, false,
                      nullptr, nullptr, kF32);
  gemm(false, false, count, head.d, head.V, logits, type, stride, head.W, head.wType, head.d, dx, dxType, head.d, false,
       nullptr, nullptr, kF32, head.bf16Compute);
}

/**
 * One chunk: `count` rows of the batch, rows[0..count), their hidden states contiguous at `h`, their logits at
 * `logits`, `stride` apart.
 */
struct Chunk {
  const int32_t* rows;
  int64_t count;
  const void* h;
  float* logits;
  int64_t stride;
  bool contiguous;
  bool first;
};

/** Copies rows[0..count) of x into consecutive rows of y. */
void packRows(const void* x, const int32_t* rows, int64_t count, int64_t rowBytes, void* y) {
  parallelFor(count, rowGrain(rowBytes / 4), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      std::memcpy(static_cast<char*>(y) + r * rowBytes, static_cast<const char*>(x) + rows[r] * rowBytes, rowBytes);
  });
}

/** The inverse of packRows. */
void unpackRows(const void* x, const int32_t* rows, int64_t count, int64_t rowBytes, void* y) {
  parallelFor(count, rowGrain(rowBytes / 4), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      std::memcpy(static_cast<char*>(y) + rows[r] * rowBytes, static_cast<const char*>(x) + r * rowBytes, rowBytes);
  });
}

/** Computes the logits of the rows for which counts(t) holds, chunk by chunk, and calls body(chunk) with each. */
template <class Counts, class F>
void forEachChunk(const Head& head, Counts&& counts, F&& body) {
  thread_local SharedScratch<int32_t> rowScratch;
  thread_local SharedScratch<float> logitScratch;
  thread_local SharedScratch<char> packScratch;
  int32_t* rows = rowScratch.get(head.T);
  int64_t numRows = 0;
  for (int64_t t = 0; t < head.T; ++t)
    if (counts(t)) rows[numRows++] = static_cast<int32_t>(t);
  const int64_t limit = std::min(chunkRows(head.V), numRows), stride = head.logitStride(),
                rowBytes = head.d * sizeOf(head.hType);
  float* logits = logitScratch.get(limit * stride);
  for (int64_t begin = 0; begin < numRows; begin += limit) {
    Chunk chunk{rows + begin, std::min(limit, numRows - begin), nullptr, logits, stride, false, begin == 0};
    chunk.contiguous = chunk.rows[chunk.count - 1] - chunk.rows[0] == chunk.count - 1;
    if (chunk.contiguous) {
      chunk.h = static_cast<const char*>(head.h) + chunk.rows[0] * rowBytes;
    } else {
      char* packed = packScratch.get(limit * rowBytes);
      packRows(head.h, chunk.rows, chunk.count, rowBytes, packed);
      chunk.h = packed;
    }
    multiplyRows(head, chunk.count, chunk.h, logits);
    body(chunk);
  }
}

/** Calls body(row, t, logits of the row) for every row of the chunk, in parallel. */
template <class F>
void forEachRow(const Head& head, const Chunk& chunk, F&& body) {
  parallelFor(chunk.count, rowGrain(2 * head.V), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      float* logits = chunk.logits + r * chunk.stride;
      if (head.softCap > 0) capRow(logits, head.V, head.softCap);
      body(static_cast<int64_t>(chunk.rows[r]), logits);
    }
  });
}

struct Gradients {
  void* dh;
  int64_t dhType;
  float* dW;
  bool accumulateDw;
};

/**
 * Replaces the logits of a row by the gradient of log-probability times `scale`: bf16 where the products round it in
 * any case.
 */
void takeGradient(const Head& head, int64_t t, float* logits, const RowSoftmax& softmax, float scale) {
  const auto gradient = head.hasBf16Gradients() ? rowLogProbGradientBf16 : rowLogProbGradient;
  gradient(logits, head.V, head.targets[t], softmax, scale, head.softCap);
}

/** dh and dW from a chunk whose logits have been replaced by their gradients. */
void multiplyGradients(const Head& head, const Chunk& chunk, const Gradients& out) {
  thread_local SharedScratch<char> packScratch;
  const int64_t rowBytes = head.d * sizeOf(out.dhType);
  if (out.dh) {
    void* target = chunk.contiguous ? static_cast<char*>(out.dh) + chunk.rows[0] * rowBytes
                                    : packScratch.get(chunk.count * rowBytes);
    multiplyBack(head, chunk.count, chunk.logits, target, out.dhType);
    if (!chunk.contiguous) unpackRows(target, chunk.rows, chunk.count, rowBytes, out.dh);
  }
  if (!out.dW) return;
  const int64_t type = head.hasBf16Gradients() ? kBf16 : kF32;
  const int64_t stride = head.hasBf16Gradients() ? 2 * chunk.stride : chunk.stride;
  gemm(true, false, head.V, head.d, chunk.count, chunk.logits, type, stride, chunk.h, head.hType, head.d, out.dW, kF32,
       head.d, out.accumulateDw || !chunk.first, nullptr, nullptr, kF32, head.bf16Compute);
}

/** Zeroes what no chunk will write: dh of the rows that do not count, and all of dW when no row counts. */
template <class Counts>
void zeroUnwritten(const Head& head, const Gradients& out, Counts&& counts) {
  const int64_t rowBytes = head.d * sizeOf(out.dhType);
  bool any = false;
  for (int64_t t = 0; t < head.T; ++t) {
    any = any || counts(t);
    if (out.dh && !counts(t)) std::memset(static_cast<char*>(out.dh) + t * rowBytes, 0, rowBytes);
  }
  if (out.dW && !any && !out.accumulateDw) std::memset(out.dW, 0, head.V * head.d * sizeof(float));
}

/** What is told of a teacher's distribution in one row. */
struct TeacherRow {
  const int32_t* tokens;
  const float* logProbs;
  int64_t k;  // tokens that are told, without those that are -1
  int64_t restAt;
  bool reverse;
};

/** One outcome that the two distributions are compared by: a token, or all that are not told. */
struct Outcome {
  double logP, logQ;

  double part(bool reverse) const {
    const double probability = std::exp(reverse ? logQ : logP);
    return probability == 0 ? 0 : probability * (reverse ? logQ - logP : logP - logQ);
  }
  /** d kl / d (logit / temperature), divided by q for all others together. */
  double slope(bool reverse, double kl) const {
    return reverse ? std::exp(logQ) * (logQ - logP - kl) : std::exp(logQ) - std::exp(logP);
  }
};

/** Gives the divergence of a row and, where there is a `scale`, replaces its logits by `scale` times its gradient. */
float rowDivergence(const Head& head, const TeacherRow& teacher, float* logits, float inverse, const float* scale) {
  thread_local std::vector<float> told;
  thread_local std::vector<Outcome> outcomes;
  const RowSoftmax softmax = rowSoftmax(logits, head.V, inverse, nullptr);
  told.resize(teacher.k);
  outcomes.resize(teacher.k);
  for (int64_t i = 0; i < teacher.k; ++i) {
    told[i] = logits[teacher.tokens[i]];
    outcomes[i] = {teacher.logProbs[i], softmax.logProb(told[i])};
  }
  for (int64_t i = 0; i < teacher.k; ++i) logits[teacher.tokens[i]] = -std::numeric_limits<float>::infinity();
  const bool hasRest = teacher.k < head.V;
  const RowSoftmax others = rowSoftmax(logits, head.V, inverse, nullptr);
  const Outcome rest{teacher.logProbs[teacher.restAt],
                     static_cast<double>(others.logSum) + (others.max - softmax.max) * inverse - softmax.logSum};
  double kl = hasRest ? rest.part(teacher.reverse) : 0;
  for (const Outcome& each : outcomes) kl += each.part(teacher.reverse);
  if (!scale) return static_cast<float>(kl);
  const double q = hasRest ? std::exp(rest.logQ) : 0;
  const double perOther = q > 0 ? rest.slope(teacher.reverse, kl) / q : 0;
  // The gradient of the log-probability of one told token is that of the others; those of the told ones are set below.
  const float ofOthers = -*scale * static_cast<float>(perOther);
  const auto gradient = head.hasBf16Gradients() ? rowLogProbGradientBf16 : rowLogProbGradient;
  gradient(logits, head.V, teacher.tokens[0], softmax, ofOthers, head.softCap);
  for (int64_t i = 0; i < teacher.k; ++i) {
    const float capped = head.softCap > 0 ? told[i] / head.softCap : 0.0f;
    const float value =
        *scale * static_cast<float>(outcomes[i].slope(teacher.reverse, kl)) * (1.0f - capped * capped);
    if (head.hasBf16Gradients())
      storeAs(reinterpret_cast<bf16*>(logits) + teacher.tokens[i], value);
    else
      storeAs(logits + teacher.tokens[i], value);
  }
  return static_cast<float>(kl);
}

}  // namespace

void headLogProb(const void* h, int64_t hType, const void* W, int64_t wType, bool packed, const float* scales,
                 const int32_t* targets, float* logp, float* logSum, float* entropy, float* meanLogit, int64_t T,
                 int64_t V, int64_t d, float temperature, float softCap, bool bf16Compute) {
  const Head head{h, hType, W, wType, packed, scales, targets, T, V, d, softCap, bf16Compute};
  const float inverse = inverseTemperatureOf(temperature);
  std::fill(logp, logp + T, 0.0f);
  std::fill(logSum, logSum + T, 0.0f);
  if (entropy) std::fill(entropy, entropy + T, 0.0f);
  if (meanLogit) std::fill(meanLogit, meanLogit + T, 0.0f);
  forEachChunk(
      head, [&](int64_t t) { return targets[t] >= 0; },
      [&](const Chunk& chunk) {
        forEachRow(head, chunk, [&](int64_t t, float* logits) {
          const RowSoftmax softmax = rowSoftmax(logits, V, inverse, entropy ? entropy + t : nullptr);
          logSum[t] = softmax.logSum;
          logp[t] = softmax.logProb(logits[targets[t]]);
          if (meanLogit) meanLogit[t] = rowMean(logits, V);
        });
      });
}

void headLogProbBackward(const void* h, int64_t hType, const void* W, int64_t wType, bool packed, const float* scales,
                         const int32_t* targets, const float* logSum, const float* dLogp, void* dh, int64_t dhType,
                         float* dW, bool accumulateDw, int64_t T, int64_t V, int64_t d, float temperature,
                         float softCap, bool bf16Compute) {
  const Head head{h, hType, W, wType, packed, scales, targets, T, V, d, softCap, bf16Compute};
  const Gradients out{dh, dhType, dW, accumulateDw};
  const float inverse = inverseTemperatureOf(temperature);
  const auto counts = [&](int64_t t) { return targets[t] >= 0 && dLogp[t] != 0.0f; };
  zeroUnwritten(head, out, counts);
  forEachChunk(head, counts, [&](const Chunk& chunk) {
    forEachRow(head, chunk, [&](int64_t t, float* logits) {
      takeGradient(head, t, logits, {rowMax(logits, V), inverse, logSum[t]}, dLogp[t] * inverse);
    });
    multiplyGradients(head, chunk, out);
  });
}

void headCrossEntropy(const void* h, int64_t hType, const void* W, int64_t wType, bool packed, const float* scales,
                      const int32_t* targets, const float* weights, float* loss, float* nll, void* dh, int64_t dhType,
                      float* dW, bool accumulateDw, int64_t T, int64_t V, int64_t d, float softCap, bool bf16Compute) {
  const Head head{h, hType, W, wType, packed, scales, targets, T, V, d, softCap, bf16Compute};
  const Gradients out{dh, dhType, dW, accumulateDw};
  const bool backward = dh || dW;
  const auto counts = [&](int64_t t) { return targets[t] >= 0 && weights[t] != 0.0f; };
  zeroUnwritten(head, out, counts);
  std::fill(nll, nll + T, 0.0f);
  forEachChunk(head, counts, [&](const Chunk& chunk) {
    forEachRow(head, chunk, [&](int64_t t, float* logits) {
      const RowSoftmax softmax = rowSoftmax(logits, V, 1.0f, nullptr);
      nll[t] = -softmax.logProb(logits[targets[t]]);
      if (backward) takeGradient(head, t, logits, softmax, -weights[t]);
    });
    if (backward) multiplyGradients(head, chunk, out);
  });
  double total = 0;
  for (int64_t t = 0; t < T; ++t) total += static_cast<double>(weights[t]) * nll[t];
  *loss = static_cast<float>(total);
}

void headDivergence(const void* h, int64_t hType, const void* W, int64_t wType, bool packed, const float* scales,
                    const int32_t* tokens, const float* logProbs, int64_t k, bool reverse, const float* weights,
                    float* loss, float* kl, void* dh, int64_t dhType, float* dW, int64_t T, int64_t V, int64_t d,
                    float temperature, float softCap, bool bf16Compute) {
  const Head head{h, hType, W, wType, packed, scales, nullptr, T, V, d, softCap, bf16Compute};
  const Gradients out{dh, dhType, dW, false};
  const bool backward = dh || dW;
  const float inverse = inverseTemperatureOf(temperature);
  const auto counts = [&](int64_t t) { return k > 0 && tokens[t * k] >= 0 && weights[t] != 0.0f; };
  zeroUnwritten(head, out, counts);
  std::fill(kl, kl + T, 0.0f);
  forEachChunk(head, counts, [&](const Chunk& chunk) {
    forEachRow(head, chunk, [&](int64_t t, float* logits) {
      const int32_t* own = tokens + t * k;
      const int64_t told = std::find_if(own, own + k, [](int32_t token) { return token < 0; }) - own;
      const TeacherRow teacher{own, logProbs + t * (k + 1), told, k, reverse};
      const float scale = weights[t] * inverse;
      kl[t] = rowDivergence(head, teacher, logits, inverse, backward ? &scale : nullptr);
    });
    if (backward) multiplyGradients(head, chunk, out);
  });
  double total = 0;
  for (int64_t t = 0; t < T; ++t) total += static_cast<double>(weights[t]) * kl[t];
  *loss = static_cast<float>(total);
}

}  // namespace luciole
