// See router.h.
#include "router.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "lanes.h"
#include "pool.h"
#include "scratch.h"
#include "softmax-row.h"

namespace luciole {
namespace {

constexpr int kChoiceSlot = 0;
constexpr float kMasked = -std::numeric_limits<float>::infinity();
constexpr float kLowest = std::numeric_limits<float>::lowest();

void scoreRow(const float* logits, float* scores, int64_t E, bool sigmoid) {
  if (sigmoid) {
    eachVector(0, E, [=](int64_t i, auto n) { put(scores + i, vlogistic(get(logits + i, n)), n); });
    return;
  }
  const float max = rowMax(logits, E);
  const float total = sumVectors(0, E, [=](int64_t i, auto n) { return vexpNan(getOr(logits + i, n, kMasked) - max); });
  eachVector(0, E, [=](int64_t i, auto n) { put(scores + i, vexpNan(get(logits + i, n) - max) / total, n); });
}

/** The first index of the largest of n values, of which one at least is above -inf. */
int64_t firstLargest(const float* x, int64_t n) { return firstEqual(x, n, rowMax(x, n)); }

/** The sum of the two largest of n values (the value itself for n = 1). */
float sumOfTwoLargest(const float* x, int64_t n) {
  if (n == 1) return x[0];
  vf first = splat(kMasked), second = first;
  eachVector(0, n, [&](int64_t i, auto lanes) {
    vf v = getOr(x + i, lanes, kMasked);
    second = vmax(second, vmin(first, v));
    first = vmax(first, v);
  });
  halvings([&](auto fold) {
    vf otherFirst = fold(first), otherSecond = fold(second);
    second = vmax(vmin(first, otherFirst), vmax(second, otherSecond));
    first = vmax(first, otherFirst);
  });
  return first[0] + second[0];
}

/** Masks all but the topkGroups best groups; groupScores is scratch of numGroups. */
void maskGroups(float* choice, float* groupScores, int64_t E, int64_t numGroups, int64_t topkGroups, bool sumOfTwo) {
  const int64_t size = E / numGroups;
  for (int64_t g = 0; g < numGroups; ++g)
    groupScores[g] =
        std::fmax(sumOfTwo ? sumOfTwoLargest(choice + g * size, size) : rowMax(choice + g * size, size), kLowest);
  for (int64_t kept = 0; kept < topkGroups; ++kept) groupScores[firstLargest(groupScores, numGroups)] = kMasked;
  for (int64_t g = 0; g < numGroups; ++g)
    if (groupScores[g] != kMasked)
      for (int64_t i = 0; i < size; ++i) choice[g * size + i] = kMasked;
}

void checkRouting(int64_t E, int64_t K, int64_t numGroups, int64_t topkGroups, int64_t scoring, int64_t groupScore) {
  if (E < 1 || numGroups < 1 || E % numGroups != 0)
    throw std::runtime_error("router: expected the groups to divide " + std::to_string(E) + " experts, got " +
                             std::to_string(numGroups));
  if (topkGroups < 1 || topkGroups > numGroups)
    throw std::runtime_error("router: expected 1 to " + std::to_string(numGroups) + " kept groups, got " +
                             std::to_string(topkGroups));
  if (K < 0 || K > topkGroups * (E / numGroups))
    throw std::runtime_error("router: expected at most " + std::to_string(topkGroups * (E / numGroups)) +
                             " chosen experts (those of the kept groups), got " + std::to_string(K));
  if ((scoring | 1) != 1 || (groupScore | 1) != 1)
    throw std::runtime_error("router: expected scoring and groupScore to be 0 or 1");
}

/** How a gradient of a token's weights reaches its scores: added into dScores [E]. */
void addWeightGradient(const float* scores, const int32_t* indices, const float* dWeights, float* dScores, int64_t K,
                       bool normalize, float scale) {
  float total = 0, weighted = 0;
  for (int64_t k = 0; k < K; ++k) {
    total += scores[indices[k]];
    weighted += dWeights[k] * scores[indices[k]];
  }
  const float inverse = normalize ? 1.0f / (total + 1e-20f) : 1.0f, shift = normalize ? weighted * inverse : 0.0f;
  for (int64_t k = 0; k < K; ++k) dScores[indices[k]] += scale * inverse * (dWeights[k] - shift);
}

/** dLogits from dScores, in place. */
void scoreGradient(const float* scores, float* gradient, int64_t E, bool sigmoid) {
  if (sigmoid) {
    eachVector(0, E, [=](int64_t i, auto n) {
      vf s = get(scores + i, n);
      put(gradient + i, get(gradient + i, n) * s * (1.0f - s), n);
    });
    return;
  }
  const float mean = sumVectors(0, E, [=](int64_t i, auto n) { return get(scores + i, n) * get(gradient + i, n); });
  eachVector(0, E,
             [=](int64_t i, auto n) { put(gradient + i, get(scores + i, n) * (get(gradient + i, n) - mean), n); });
}

/** fraction[i] = E / (K L) times how often tokens [first, last) chose expert i. */
void countFractions(const int32_t* indices, int64_t first, int64_t last, float* fraction, int64_t E, int64_t K) {
  std::memset(fraction, 0, E * sizeof(float));
  for (int64_t i = first * K; i < last * K; ++i) fraction[indices[i]] += 1.0f;
  const float scale = static_cast<float>(E) / (static_cast<float>(K) * static_cast<float>(last - first));
  for (int64_t i = 0; i < E && last > first; ++i) fraction[i] *= scale;
}

/** One token's share of the balance loss, weight * sum_i f_i s_i / sum_i s_i, and its gradient. */
float balanceRow(const float* score, const float* fraction, float* gradient, int64_t E, float weight) {
  const float total = sumVectors(0, E, [=](int64_t i, auto n) { return get(score + i, n); });
  const float mean =
      sumVectors(0, E, [=](int64_t i, auto n) { return get(score + i, n) * get(fraction + i, n); }) / total;
  eachVector(0, E, [=](int64_t i, auto n) { put(gradient + i, weight / total * (get(fraction + i, n) - mean), n); });
  return weight * mean;
}

}  // namespace

void routerForward(const float* logits, const float* bias, float* scores, int32_t* indices, float* weights, int64_t T,
                   int64_t E, int64_t K, int64_t numGroups, int64_t topkGroups, int64_t scoring, int64_t groupScore,
                   bool normalize, float scale) {
  checkRouting(E, K, numGroups, topkGroups, scoring, groupScore);
  parallelFor(T, rowGrain(16 * E), [&](int64_t begin, int64_t end) {
    float* choice = static_cast<float*>(threadScratch(kChoiceSlot, (E + numGroups) * sizeof(float)));
    for (int64_t t = begin; t < end; ++t) {
      float* score = scores + t * E;
      scoreRow(logits + t * E, score, E, scoring == 1);
      // vmax takes its second argument when the first is NaN: a NaN or -inf choice ranks last but stays choosable, so
      // indices are always valid.
      eachVector(0, E, [=](int64_t i, auto n) {
        put(choice + i, vmax(bias ? get(score + i, n) + get(bias + i, n) : get(score + i, n), splat(kLowest)), n);
      });
      if (topkGroups < numGroups) maskGroups(choice, choice + E, E, numGroups, topkGroups, groupScore == 1);
      float total = 0;
      for (int64_t k = 0; k < K; ++k) {
        const int64_t best = firstLargest(choice, E);
        choice[best] = kMasked;
        indices[t * K + k] = static_cast<int32_t>(best);
        weights[t * K + k] = score[best];
        total += score[best];
      }
      for (int64_t k = 0; k < K; ++k)
        weights[t * K + k] = (normalize ? weights[t * K + k] / (total + 1e-20f) : weights[t * K + k]) * scale;
    }
  });
}

void routerBackward(const float* scores, const int32_t* indices, const float* dWeights, const float* dScoresExtra,
                    float* dLogits, int64_t T, int64_t E, int64_t K, int64_t scoring, bool normalize, float scale) {
  parallelFor(T, rowGrain(8 * E), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* gradient = dLogits + t * E;
      if (dScoresExtra) {
        std::memcpy(gradient, dScoresExtra + t * E, E * sizeof(float));
      } else {
        std::memset(gradient, 0, E * sizeof(float));
      }
      if (dWeights) addWeightGradient(scores + t * E, indices + t * K, dWeights + t * K, gradient, K, normalize, scale);
      scoreGradient(scores + t * E, gradient, E, scoring == 1);
    }
  });
}

void balanceLoss(const float* scores, const int32_t* indices, const int32_t* cuSeqlens, int64_t numSeqs, float* loss,
                 float* dScores, int64_t T, int64_t E, int64_t K, float alpha) {
  thread_local SharedScratch<float> fractionScratch, termScratch;
  float* fractions = fractionScratch.get(numSeqs * E);  // f_i of every sequence
  float* terms = termScratch.get(T);                    // every token's share of the loss
  const int64_t covered = numSeqs > 0 ? cuSeqlens[numSeqs] : 0, uncovered = numSeqs > 0 ? cuSeqlens[0] : 0;
  int64_t nonEmpty = 0;
  for (int64_t s = 0; s < numSeqs; ++s) nonEmpty += cuSeqlens[s + 1] > cuSeqlens[s];
  std::memset(dScores, 0, uncovered * E * sizeof(float));
  std::memset(dScores + covered * E, 0, (T - covered) * E * sizeof(float));
  parallelFor(numSeqs, 16, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s)
      countFractions(indices, cuSeqlens[s], cuSeqlens[s + 1], fractions + s * E, E, K);
  });
  parallelFor(covered - uncovered, rowGrain(4 * E), [&](int64_t begin, int64_t end) {
    int64_t s = std::upper_bound(cuSeqlens, cuSeqlens + numSeqs + 1, begin + uncovered) - cuSeqlens - 1;
    for (int64_t t = begin + uncovered; t < end + uncovered; ++t) {
      while (t >= cuSeqlens[s + 1]) ++s;
      const float weight = alpha / (static_cast<float>(nonEmpty) * static_cast<float>(cuSeqlens[s + 1] - cuSeqlens[s]));
      terms[t] = balanceRow(scores + t * E, fractions + s * E, dScores + t * E, E, weight);
    }
  });
  double sum = 0;
  for (int64_t t = uncovered; t < covered; ++t) sum += terms[t];
  *loss = static_cast<float>(sum);
}

void routerBiasUpdate(float* bias, const float* load, int64_t E, float gamma) {
  double total = 0;
  for (int64_t i = 0; i < E; ++i) total += load[i];
  for (int64_t i = 0; i < E; ++i) {
    const double excess = load[i] * static_cast<double>(E) - total;
    if (excess != 0) bias[i] += excess > 0 ? -gamma : gamma;
  }
}

}  // namespace luciole
