// See elementwise.h.
#include "elementwise.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "dtype.h"
#include "lanes.h"
#include "pool.h"

namespace luciole {
namespace {

template <class F>
void mapVectors(int64_t n, F&& body) {
  parallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) { eachVector(begin, end, body); });
}

/** IEEE binary16 storage. */
struct f16 {
  uint16_t bits;
};

inline vf widen(const float* p) { return load(p); }
inline vf widen(const bf16* p) { return load(p); }
inline vf widen(const f16* p) {
#if defined(__AVX512F__)
  __m512 v = _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return reinterpret_cast<vf&>(v);
#elif defined(__F16C__)
  __m256 v = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return reinterpret_cast<vf&>(v);
#else
  float16x4_t half;
  std::memcpy(&half, p, sizeof(half));
  float32x4_t v = vcvt_f32_f16(half);
  return reinterpret_cast<vf&>(v);
#endif
}
inline vf widen(const int32_t* p) { return __builtin_convertvector(*reinterpret_cast<const vi*>(p), vf); }
inline vf widen(const uint8_t* p) {
  using bytes = uint8_t __attribute__((vector_size(kLanes), aligned(1), may_alias));
  return __builtin_convertvector(__builtin_convertvector(*reinterpret_cast<const bytes*>(p), vi), vf);
}

inline void narrow(float* p, vf v) { store(p, v); }
inline void narrow(bf16* p, vf v) { store(p, v); }
inline void narrow(f16* p, vf v) {
#if defined(__AVX512F__)
  __m256i half = _mm512_maskz_cvtps_ph(0xffff, reinterpret_cast<__m512&>(v), _MM_FROUND_TO_NEAREST_INT);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), half);
#elif defined(__F16C__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm256_cvtps_ph(reinterpret_cast<__m256&>(v), _MM_FROUND_TO_NEAREST_INT));
#else
  float16x4_t half = vcvt_f16_f32(reinterpret_cast<float32x4_t&>(v));
  std::memcpy(p, &half, sizeof(half));
#endif
}

/** Converts n elements, the last partial vector through a padded copy. */
template <class X, class Y>
void castRange(const X* x, Y* y, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) narrow(y + i, widen(x + i));
  if (i == n) return;
  X in[kLanes] = {};
  Y out[kLanes];
  std::memcpy(in, x + i, (n - i) * sizeof(X));
  narrow(out, widen(in));
  std::memcpy(y + i, out, (n - i) * sizeof(Y));
}

template <class F>
auto dispatchAny(int64_t code, F&& body) {
  switch (code) {
    case kF32:
      return body(float{});
    case kBf16:
      return body(bf16{});
    case kF16:
      return body(f16{});
    case kI32:
      return body(int32_t{});
    case kU8:
      return body(uint8_t{});
  }
  throw std::runtime_error("expected a dtype code from 0 to 4, got " + std::to_string(code));
}

/** Asks for gate and up of the next row: the hardware's prefetcher loses a row's two short runs at every jump. */
template <class T>
inline void prefetchNextRow(const T* gate, int64_t width) {
  __builtin_prefetch(gate + 2 * width);
  __builtin_prefetch(gate + 3 * width);
}

}  // namespace

void cast(const void* x, int64_t xType, void* y, int64_t yType, int64_t n) {
  dispatchAny(xType, [&](auto xTag) {
    dispatchAny(yType, [&](auto yTag) {
      using X = decltype(xTag);
      using Y = decltype(yTag);
      if constexpr (!std::is_same_v<X, Y> && std::is_integral_v<Y>) {
        throw std::runtime_error("cast: no kernel from dtype code " + std::to_string(xType) + " to " +
                                 std::to_string(yType));
      } else {
        parallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) {
          const X* in = static_cast<const X*>(x) + begin;
          Y* out = static_cast<Y*>(y) + begin;
          if constexpr (std::is_same_v<X, Y>) {
            std::memmove(out, in, (end - begin) * sizeof(X));
          } else {
            castRange(in, out, end - begin);
          }
        });
      }
    });
  });
}

void fill(void* x, int64_t type, int64_t n, double value) {
  dispatchAny(type, [&](auto tag) {
    using T = decltype(tag);
    T element;
    if constexpr (std::is_arithmetic_v<T>) {
      element = static_cast<T>(value);
    } else {
      const float single = static_cast<float>(value);
      castRange(&single, &element, 1);
    }
    parallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) {
      std::fill(static_cast<T*>(x) + begin, static_cast<T*>(x) + end, element);
    });
  });
}

void addScaled(const void* a, int64_t aType, const void* b, int64_t bType, void* y, int64_t yType, int64_t n,
               float alpha, float beta) {
  dispatchType(aType, [&](auto aTag) {
    dispatchType(bType, [&](auto bTag) {
      dispatchType(yType, [&](auto yTag) {
        const auto* left = static_cast<const decltype(aTag)*>(a);
        const auto* right = static_cast<const decltype(bTag)*>(b);
        auto* out = static_cast<decltype(yTag)*>(y);
        mapVectors(n, [=](int64_t i, auto lanes) {
          put(out + i, alpha * get(left + i, lanes) + beta * get(right + i, lanes), lanes);
        });
      });
    });
  });
}

void scaleBy(const void* x, int64_t xType, const float* factor, void* y, int64_t yType, int64_t n) {
  const float scale = n > 0 ? *factor : 0.0f;
  dispatchType(xType, [&](auto xTag) {
    dispatchType(yType, [&](auto yTag) {
      const auto* in = static_cast<const decltype(xTag)*>(x);
      auto* out = static_cast<decltype(yTag)*>(y);
      mapVectors(n, [=](int64_t i, auto lanes) { put(out + i, scale * get(in + i, lanes), lanes); });
    });
  });
}

void clampForward(const float* x, float* y, int64_t n, float lo, float hi) {
  mapVectors(n, [=](int64_t i, auto lanes) {
    vf v = get(x + i, lanes);
    v = v < splat(lo) ? splat(lo) : v;
    put(y + i, v > splat(hi) ? splat(hi) : v, lanes);
  });
}

void clampBackward(const float* x, const float* dy, float* dx, int64_t n, float lo, float hi) {
  mapVectors(n, [=](int64_t i, auto lanes) {
    vf v = get(x + i, lanes);
    put(dx + i, ((v >= splat(lo)) & (v <= splat(hi))) ? get(dy + i, lanes) : vf{}, lanes);
  });
}

namespace {

/** y = x sigmoid(x). */
struct Silu {
  static vf value(vf g) { return g * vlogistic(g); }
  /** [d up y'(g), d y(g)]. */
  static void gradients(vf g, vf up, vf d, vf& dGate, vf& dUp) {
    const vf s = vlogistic(g);
    dGate = d * up * s * (1.0f + g * (1.0f - s));
    dUp = d * g * s;
  }
};

/** y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Source: Hendrycks & Gimpel, "Gaussian Error Linear Units". */
struct GeluTanh {
  static constexpr float kScale = 0.7978845608028654f, kCubic = 0.044715f;
  static vf half(vf g) { return 0.5f + 0.5f * vtanh(kScale * (g + kCubic * g * g * g)); }
  static vf value(vf g) { return g * half(g); }
  static void gradients(vf g, vf up, vf d, vf& dGate, vf& dUp) {
    const vf h = half(g);  // (1 + tanh) / 2, so 1 - tanh^2 is 4 h (1 - h)
    dGate = d * up * (h + 2.0f * g * h * (1.0f - h) * kScale * (1.0f + 3.0f * kCubic * g * g));
    dUp = d * g * h;
  }
};

template <class F>
void dispatchActivation(int64_t activation, F&& body) {
  if (activation == kSilu) return body(Silu{});
  if (activation == kGeluTanh) return body(GeluTanh{});
  throw std::runtime_error("glu: no activation " + std::to_string(activation));
}

}  // namespace

void glu(int64_t activation, const void* gateUp, void* y, int64_t type, int64_t rows, int64_t width) {
  dispatchActivation(activation, [&](auto act) {
    dispatchType(type, [&](auto tag) {
      using T = decltype(tag);
      parallelFor(rows, rowGrain(3 * width), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const T* gate = static_cast<const T*>(gateUp) + r * 2 * width;
          const T* up = gate + width;
          T* out = static_cast<T*>(y) + r * width;
          eachVector(0, width, [=](int64_t i, auto n) {
            prefetchNextRow(gate + i, width);
            put(out + i, act.value(get(gate + i, n)) * get(up + i, n), n);
          });
        }
      });
    });
  });
}

void gluBackward(int64_t activation, const void* gateUp, const void* dy, void* dGateUp, int64_t type, int64_t rows,
                 int64_t width) {
  dispatchActivation(activation, [&](auto act) {
    dispatchType(type, [&](auto tag) {
      using T = decltype(tag);
      parallelFor(rows, rowGrain(5 * width), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const T* gate = static_cast<const T*>(gateUp) + r * 2 * width;
          const T* gradient = static_cast<const T*>(dy) + r * width;
          T* out = static_cast<T*>(dGateUp) + r * 2 * width;
          eachVector(0, width, [=](int64_t i, auto n) {
            prefetchNextRow(gate + i, width);
            vf dGate, dUp;
            act.gradients(get(gate + i, n), get(gate + width + i, n), get(gradient + i, n), dGate, dUp);
            put(out + i, dGate, n);
            put(out + width + i, dUp, n);
          });
        }
      });
    });
  });
}

}  // namespace luciole
