// See sampling.h.
#include "sampling.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include "lanes.h"
#include "pool.h"
#include "softmax-row.h"

namespace luciole {
namespace {

constexpr int kMassSlot = 0;
constexpr int64_t kBlock = 1024;
constexpr int32_t kOneBits = 0x3f800000;  // the float 1

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

/**
 * A token, its unnormalised probability and its logit, which tells apart what a high temperature makes equal. None is
 * NaN.
 */
struct Candidate {
  float mass, logit;
  int32_t index;
  /** The order of falling mass, then falling logit, then rising index. */
  bool before(const Candidate& other) const {
    if (mass != other.mass) return mass > other.mass;
    return logit > other.logit || (logit == other.logit && index < other.index);
  }
};

/** What comes after every token. */
constexpr Candidate kLast{0.0f, kMinusInfinity, std::numeric_limits<int32_t>::max()};

/** The tokens of a row. */
struct Tokens {
  const float* logits;
  float* mass;  // in [0, 1]
  int64_t count;
  Candidate at(int64_t i) const {
    return {mass[i], logits[i] > kMinusInfinity ? logits[i] : kMinusInfinity, static_cast<int32_t>(i)};
  }
};

int64_t argmax(const float* x, int64_t n) {
  const int64_t at = firstEqual(x, n, rowMax(x, n));
  return at < n ? at : 0;  // only NaN: any token is as good
}

/** Counts and masses of the row by magnitude, so that finding a cut sorts one bucket and not the vocabulary. */
class Histogram {
 public:
  // Buckets by exponent and one mantissa bit, or four for large vocabularies, whose buckets would be long to sort.
  explicit Histogram(const Tokens& tokens)
      : tokens_(tokens), shift_(tokens.count < 2048 ? 22 : 19), buckets_((kOneBits >> shift_) + 1) {
    for (int64_t i = 0; i < tokens.count; ++i) {
      Bucket& bucket = buckets_[bucketOf(tokens.mass[i])];
      ++bucket.count;
      bucket.sum += tokens.mass[i];
    }
  }

  double total() const {
    double sum = 0;
    for (const Bucket& bucket : buckets_) sum += bucket.sum;
    return sum;
  }

  /**
   * The last candidate, in order, of the shortest run that done(count, mass) accepts; `runMass` receives the run's
   * mass.
   */
  template <class Done>
  Candidate cut(Done&& done, double& runMass) const {
    int64_t count = 0;
    runMass = 0;
    for (int b = static_cast<int>(buckets_.size()) - 1; b >= 0; --b) {
      const Bucket& bucket = buckets_[b];
      if (bucket.count == 0) continue;
      if (b > 0 && !done(count + bucket.count, runMass + bucket.sum)) {
        count += bucket.count;
        runMass += bucket.sum;
        continue;
      }
      for (const Candidate& candidate : sorted(b)) {
        runMass += candidate.mass;
        if (done(++count, runMass)) return candidate;
      }
    }
    return kLast;
  }

 private:
  struct Bucket {
    int64_t count = 0;
    double sum = 0;
  };

  /** Masses lie in [0, 1]; whatever else came would still meet a bucket. */
  int bucketOf(float mass) const {
    int32_t bits;
    std::memcpy(&bits, &mass, 4);
    return std::clamp(bits, 0, kOneBits) >> shift_;
  }
  std::vector<Candidate> sorted(int bucket) const {
    std::vector<Candidate> members;
    members.reserve(buckets_[bucket].count);
    for (int64_t i = 0; i < tokens_.count; ++i)
      if (bucketOf(tokens_.mass[i]) == bucket) members.push_back(tokens_.at(i));
    std::sort(members.begin(), members.end(), [](const Candidate& a, const Candidate& b) { return a.before(b); });
    return members;
  }

  Tokens tokens_;
  int shift_;
  std::vector<Bucket> buckets_;
};

struct Limits {
  int64_t topK;
  float topP, minP;
};

/** Zeroes the masses outside the limits. The largest mass is 1. */
void applyLimits(const Tokens& tokens, const Limits& limits) {
  Candidate last = kLast;
  const bool useTopK = limits.topK > 0 && limits.topK < tokens.count, useTopP = limits.topP < 1.0f;
  if (useTopK || useTopP) {
    const Histogram histogram(tokens);
    double total = histogram.total(), ignored;
    if (useTopK) last = histogram.cut([&](int64_t count, double) { return count >= limits.topK; }, total);
    if (useTopP) {
      const double enough = limits.topP * total;
      const Candidate nucleus = histogram.cut([&](int64_t, double sum) { return sum >= enough; }, ignored);
      if (nucleus.before(last)) last = nucleus;
    }
  }
  float* mass = tokens.mass;
  const float least = std::max(last.mass, limits.minP);
  eachVector(0, tokens.count, [=](int64_t i, auto lanes) {
    vf m = get(mass + i, lanes);
    put(mass + i, m >= least ? m : vf{}, lanes);
  });
  for (int64_t i = 0; i < tokens.count && last.mass > 0.0f; ++i)
    if (mass[i] == last.mass && last.before(tokens.at(i))) mass[i] = 0.0f;
}

/**
 * The first index whose running mass exceeds uniform times the total; blocks are summed first, then one block is
 * walked.
 */
int64_t drawFromMass(const float* mass, int64_t n, float uniform) {
  thread_local std::vector<double> ends;
  ends.clear();
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    total +=
        sumVectors(begin, std::min(begin + kBlock, n), [=](int64_t i, auto lanes) { return get(mass + i, lanes); });
    ends.push_back(total);
  }
  const double target = uniform * total;
  size_t block = 0;
  while (block + 1 < ends.size() && ends[block] <= target) ++block;
  // an empty last block, when rounding put the target at the total
  while (block > 0 && ends[block] == ends[block - 1]) --block;
  double running = block > 0 ? ends[block - 1] : 0.0;
  int64_t chosen = block * kBlock;
  for (int64_t i = block * kBlock; i < std::min<int64_t>((block + 1) * kBlock, n); ++i) {
    if (mass[i] <= 0.0f) continue;
    chosen = i;
    running += mass[i];
    if (running > target) break;
  }
  return chosen;
}

int64_t draw(const float* logits, int64_t n, float inverseTemperature, float uniform, const Limits& limits) {
  float* mass = static_cast<float*>(threadScratch(kMassSlot, n * sizeof(float)));
  const float max = rowMax(logits, n);
  eachVector(0, n, [=](int64_t i, auto lanes) {
    vf m = vexpNan((get(logits + i, lanes) - max) * inverseTemperature);
    put(mass + i, m > vf{} ? m : vf{}, lanes);  // a NaN logit is never drawn; its row's logp is NaN
  });
  if (limits.topK > 0 || limits.topP < 1.0f || limits.minP > 0.0f) applyLimits({logits, mass, n}, limits);
  return drawFromMass(mass, n, uniform);
}

/** A row's own limits; a top-k that is no number of tokens is off. */
Limits limitsOf(const float* settings, int64_t n) {
  const bool isCount = settings[1] >= 1 && settings[1] < static_cast<float>(n);
  return {isCount ? static_cast<int64_t>(settings[1]) : 0, settings[2], settings[3]};
}

/** The k largest of a row, falling, ties to the lower index; -1 where the row has fewer numbers. */
void largest(const float* x, int64_t n, int64_t k, int32_t* ids) {
  thread_local std::vector<Candidate> best;
  best.clear();
  for (int64_t i = 0; i < n; ++i) {
    const Candidate candidate{0.0f, x[i], static_cast<int32_t>(i)};
    if (x[i] != x[i] || (static_cast<int64_t>(best.size()) == k && !candidate.before(best.back()))) continue;
    if (static_cast<int64_t>(best.size()) == k) best.pop_back();
    best.insert(std::upper_bound(best.begin(), best.end(), candidate,
                                 [](const Candidate& a, const Candidate& b) { return a.before(b); }),
                candidate);
  }
  for (int64_t i = 0; i < k; ++i) ids[i] = i < static_cast<int64_t>(best.size()) ? best[i].index : -1;
}

}  // namespace

void sampleTokens(const float* logits, const float* uniforms, const float* settings, int32_t* ids, float* logp,
                  int64_t B, int64_t V, float temperature, int64_t topK, float topP, float minP) {
  if (B > 0 && V < 1) throw std::runtime_error("sampleTokens: expected at least one token to choose from");
  for (int64_t b = 0; settings && b < B; ++b) inverseTemperatureOf(settings[4 * b]);
  inverseTemperatureOf(temperature);
  parallelFor(B, rowGrain(4 * V), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const float* row = logits + b * V;
      const float* own = settings ? settings + 4 * b : nullptr;
      const float rowTemperature = own ? own[0] : temperature;
      const Limits limits = own ? limitsOf(own, V) : Limits{topK, topP, minP};
      const float inverse = inverseTemperatureOf(rowTemperature);
      ids[b] = static_cast<int32_t>(rowTemperature > 0 ? draw(row, V, inverse, uniforms[b], limits) : argmax(row, V));
      logp[b] = rowSoftmax(row, V, inverse, nullptr).logProb(row[ids[b]]);
    }
  });
}

void adjustLogits(float* logits, const int32_t* cu, const int32_t* ids, const float* scales, const float* offsets,
                  int64_t B, int64_t V) {
  for (int64_t b = 0; b < B; ++b)
    for (int64_t i = cu[b]; i < cu[b + 1]; ++i) {
      float& x = logits[b * V + ids[i]];
      x = (x > 0 ? x / scales[i] : x * scales[i]) - offsets[i];
    }
}

void maskLogits(float* logits, const int32_t* rows, const int32_t* masks, int64_t M, int64_t V) {
  const int64_t words = (V + 31) / 32;
  parallelFor(M, rowGrain(V), [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m)
      for (int64_t w = 0; w < words; ++w) {
        const uint32_t word = static_cast<uint32_t>(masks[m * words + w]);
        if (word == 0xffffffffu) continue;
        float* x = logits + rows[m] * V + 32 * w;
        const int64_t count = std::min<int64_t>(32, V - 32 * w);
        for (int64_t bit = 0; bit < count; ++bit) x[bit] = (word >> bit) & 1 ? x[bit] : kMinusInfinity;
      }
  });
}

void topLogProbs(const float* logits, const int32_t* rows, const float* temperatures, int32_t* ids, float* logp,
                 int64_t R, int64_t V, int64_t k) {
  for (int64_t r = 0; r < R; ++r) inverseTemperatureOf(temperatures[r]);
  parallelFor(R, rowGrain(2 * V), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* row = logits + rows[r] * V;
      const float inverse = inverseTemperatureOf(temperatures[r]);
      const RowSoftmax softmax = rowSoftmax(row, V, inverse, nullptr);
      largest(row, V, k, ids + r * k);
      for (int64_t i = r * k; i < (r + 1) * k; ++i)
        logp[i] = ids[i] < 0 ? std::numeric_limits<float>::quiet_NaN() : softmax.logProb(row[ids[i]]);
    }
  });
}

}  // namespace luciole
