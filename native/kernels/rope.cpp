// See rope.h.
#include "rope.h"

#include "dtype.h"
#include "pairs.h"
#include "pool.h"

namespace luciole {
namespace {

constexpr int kAngleSlot = 0, kHeadSumSlot = 1;

/** sin and cos of r in [-pi/4, pi/4], to about 1 ulp (Cephes sinf, cosf). */
inline void sinCosReduced(vf r, vf& sine, vf& cosine) {
  vf z = r * r;
  vf p = splat(-1.9515295891e-4f) * z + 8.3321608736e-3f;
  sine = (p * z - 1.6666654611e-1f) * z * r + r;
  vf q = splat(2.443315711809948e-5f) * z - 1.388731625493765e-3f;
  cosine = (q * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
}

/**
 * The rotations of one position: cosine[i] = factor cos(position invFreq[i]), sine[i] likewise, negated when inverse.
 */
class Rotation {
 public:
  Rotation(const float* invFreq, int64_t half, bool inverse, float factor)
      : invFreq_(invFreq), half_(half), factor_(factor), sineFactor_(inverse ? -factor : factor) {
    cosine = static_cast<float*>(threadScratch(kAngleSlot, 4 * (half + kLanes) * sizeof(float)));
    sine = cosine + half + kLanes;
    reduced_ = sine + half + kLanes;
    quadrant_ = reinterpret_cast<int32_t*>(reduced_ + half + kLanes);
  }

  void at(int32_t position) {
    constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding and subtracting rounds to an integer
    const double p = position;
    for (int64_t i = 0; i < half_; ++i) {
      double angle = p * static_cast<double>(invFreq_[i]);
      double rounded = angle * 0.63661977236758134308 + kRound, turns = rounded - kRound;
      reduced_[i] = static_cast<float>((angle - turns * 1.57079632679489655800) - turns * 6.12323399573676603587e-17);
      int64_t bits;
      std::memcpy(&bits, &rounded, sizeof(bits));
      // the last bits of the integer in the mantissa, whatever the angle was
      quadrant_[i] = static_cast<int32_t>(bits);
    }
    eachVector(0, half_, [&](int64_t i, auto n) {
      vi quadrant = asInt(get(reinterpret_cast<const float*>(quadrant_ + i), n));
      vf s, c;
      sinCosReduced(get(reduced_ + i, n), s, c);
      vi swap = (quadrant & 1) != 0;
      vi flipSine = (quadrant & 2) << 30, flipCosine = ((quadrant + 1) & 2) << 30;
      put(sine + i, sineFactor_ * asFloat(asInt(swap ? c : s) ^ flipSine), n);
      put(cosine + i, factor_ * asFloat(asInt(swap ? s : c) ^ flipCosine), n);
    });
  }

  float* cosine;
  float* sine;

 private:
  const float* invFreq_;
  int64_t half_;
  float factor_, sineFactor_;
  float* reduced_;
  int32_t* quadrant_;
};

/**
 * (a, b) -> (a cos - b sin, b cos + a sin) for each of `half` pairs; adjacent pairs are read or written when ReadPairs
 * or WritePairs.
 */
template <bool ReadPairs, bool WritePairs, class In, class Out>
void rotate(const In* x, Out* y, const Rotation& rotation, int64_t half) {
  eachVector(0, half, [&](int64_t i, auto n) {
    vf a, b, c = get(rotation.cosine + i, n), s = get(rotation.sine + i, n);
    if constexpr (ReadPairs) {
      getPairs(x + 2 * i, a, b, n);
    } else {
      a = get(x + i, n);
      b = get(x + half + i, n);
    }
    vf first = a * c - b * s, second = b * c + a * s;
    if constexpr (WritePairs) {
      putPairs(y + 2 * i, first, second, n);
    } else {
      put(y + i, first, n);
      put(y + half + i, second, n);
    }
  });
}

template <class In, class Out>
using Rotate = void (*)(const In*, Out*, const Rotation&, int64_t);

template <class In, class Out>
Rotate<In, Out> chooseRotate(bool interleaved, bool inverse) {
  if (!interleaved) return rotate<false, false, In, Out>;
  return inverse ? static_cast<Rotate<In, Out>>(rotate<false, true, In, Out>) : rotate<true, false, In, Out>;
}

void checkEven(int64_t ropeDim) {
  if (ropeDim % 2 != 0)
    throw std::runtime_error("rope: expected an even number of rotated dims, got " + std::to_string(ropeDim));
}

}  // namespace

void rope(const void* x, void* y, int64_t type, const int32_t* positions, const float* invFreq, int64_t T, int64_t H,
          int64_t D, int64_t offset, int64_t R, bool interleaved, bool inverse, float factor) {
  checkEven(R);
  dispatchType(type, [&](auto tag) {
    using E = decltype(tag);
    const auto turn = chooseRotate<E, E>(interleaved, inverse);
    const int64_t rest = offset + R;
    parallelFor(T, rowGrain(H * D), [&](int64_t begin, int64_t end) {
      Rotation rotation(invFreq, R / 2, inverse, factor);
      for (int64_t t = begin; t < end; ++t) {
        rotation.at(positions[t]);
        for (int64_t h = 0; h < H; ++h) {
          const E* in = static_cast<const E*>(x) + (t * H + h) * D;
          E* out = static_cast<E*>(y) + (t * H + h) * D;
          if (in != out) {
            copyBytes(out, in, offset * sizeof(E));
            copyBytes(out + rest, in + rest, (D - rest) * sizeof(E));
          }
          turn(in + offset, out + offset, rotation, R / 2);
        }
      }
    });
  });
}

void mlaAssemble(const void* qIn, const void* kv, const void* kRope, int64_t type, const int32_t* positions,
                 const float* invFreq, void* q, void* k, void* v, int64_t T, int64_t H, int64_t nope, int64_t ropeDim,
                 int64_t value, bool interleaved, float factor) {
  checkEven(ropeDim);
  dispatchType(type, [&](auto tag) {
    using E = decltype(tag);
    const auto turn = chooseRotate<E, E>(interleaved, false);
    const int64_t qk = nope + ropeDim;
    parallelFor(T, rowGrain(H * (2 * qk + value)), [&](int64_t begin, int64_t end) {
      Rotation rotation(invFreq, ropeDim / 2, false, factor);
      for (int64_t t = begin; t < end; ++t) {
        rotation.at(positions[t]);
        const E* queryIn = static_cast<const E*>(qIn) + t * H * qk;
        const E* keyValue = static_cast<const E*>(kv) + t * H * (nope + value);
        E* query = static_cast<E*>(q) + t * H * qk;
        E* key = static_cast<E*>(k) + t * H * qk;
        E* values = static_cast<E*>(v) + t * H * value;
        if (H > 0) turn(static_cast<const E*>(kRope) + t * ropeDim, key + nope, rotation, ropeDim / 2);
        for (int64_t h = 0; h < H; ++h) {
          copyBytes(query + h * qk, queryIn + h * qk, nope * sizeof(E));
          turn(queryIn + h * qk + nope, query + h * qk + nope, rotation, ropeDim / 2);
          copyBytes(key + h * qk, keyValue + h * (nope + value), nope * sizeof(E));
          if (h > 0) copyBytes(key + h * qk + nope, key + nope, ropeDim * sizeof(E));
          copyBytes(values + h * value, keyValue + h * (nope + value) + nope, value * sizeof(E));
        }
      }
    });
  });
}

void mlaAssembleBackward(const void* dq, const void* dk, const void* dv, int64_t type, const int32_t* positions,
                         const float* invFreq, void* dqIn, void* dkv, void* dkRope, int64_t T, int64_t H, int64_t nope,
                         int64_t ropeDim, int64_t value, bool interleaved, float factor) {
  checkEven(ropeDim);
  dispatchType(type, [&](auto tag) {
    using E = decltype(tag);
    const auto turn = chooseRotate<E, E>(interleaved, true);
    const auto turnSum = chooseRotate<float, E>(interleaved, true);
    const int64_t qk = nope + ropeDim;
    parallelFor(T, rowGrain(H * (2 * qk + value)), [&](int64_t begin, int64_t end) {
      Rotation rotation(invFreq, ropeDim / 2, true, factor);
      float* headSum = static_cast<float*>(threadScratch(kHeadSumSlot, ropeDim * sizeof(float)));
      for (int64_t t = begin; t < end; ++t) {
        rotation.at(positions[t]);
        const E* queryGrad = static_cast<const E*>(dq) + t * H * qk;
        const E* keyGrad = static_cast<const E*>(dk) + t * H * qk;
        const E* valueGrad = static_cast<const E*>(dv) + t * H * value;
        E* queryIn = static_cast<E*>(dqIn) + t * H * qk;
        E* keyValue = static_cast<E*>(dkv) + t * H * (nope + value);
        std::memset(headSum, 0, ropeDim * sizeof(float));
        for (int64_t h = 0; h < H; ++h) {
          copyBytes(queryIn + h * qk, queryGrad + h * qk, nope * sizeof(E));
          turn(queryGrad + h * qk + nope, queryIn + h * qk + nope, rotation, ropeDim / 2);
          copyBytes(keyValue + h * (nope + value), keyGrad + h * qk, nope * sizeof(E));
          copyBytes(keyValue + h * (nope + value) + nope, valueGrad + h * value, value * sizeof(E));
          eachVector(0, ropeDim, [&](int64_t i, auto n) {
            put(headSum + i, get(headSum + i, n) + get(keyGrad + h * qk + nope + i, n), n);
          });
        }
        turnSum(headSum, static_cast<E*>(dkRope) + t * ropeDim, rotation, ropeDim / 2);
      }
    });
  });
}

}  // namespace luciole
