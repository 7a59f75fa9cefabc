// See pointwise.h.
#include "pointwise.h"

#include <stdexcept>
#include <string>

#include "lanes.h"
#include "pool.h"

namespace luciole {
namespace {

template <class F>
void mapVectors(int64_t n, F&& body) {
  parallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) { eachVector(begin, end, body); });
}

template <class F>
void mapUnary(const float* x, float* y, int64_t n, F f) {
  mapVectors(n, [=](int64_t i, auto lanes) { put(y + i, f(get(x + i, lanes)), lanes); });
}

/** z = f(x, y) of two inputs. */
template <class F>
void mapBinary(const float* x, const float* y, float* z, int64_t n, F f) {
  mapVectors(n, [=](int64_t i, auto lanes) { put(z + i, f(get(x + i, lanes), get(y + i, lanes)), lanes); });
}

/** da = fa(a, b, dy), db = fb(a, b, dy); a null output is left out. */
template <class A, class B>
void mapGradients(const float* a, const float* b, const float* dy, float* da, float* db, int64_t n, A fa, B fb) {
  mapVectors(n, [=](int64_t i, auto lanes) {
    vf x = get(a + i, lanes), y = get(b + i, lanes), d = get(dy + i, lanes);
    if (da) put(da + i, fa(x, y, d), lanes);
    if (db) put(db + i, fb(x, y, d), lanes);
  });
}

[[noreturn]] void unknownKind(const char* op, int64_t kind) {
  throw std::runtime_error(std::string(op) + ": no kind " + std::to_string(kind));
}

/**
 * The lanes where min (or max) takes a: ties and a NaN go to a; a NaN in b loses every comparison and so reaches the
 * result too.
 */
inline vi minTakesA(vf a, vf b) { return (a <= b) | (a != a); }
inline vi maxTakesA(vf a, vf b) { return (a >= b) | (a != a); }

}  // namespace

void unary(int64_t kind, const float* x, float* y, int64_t n) {
  switch (kind) {
    case kNeg:
      return mapUnary(x, y, n, [](vf v) { return -v; });
    case kExp:
      return mapUnary(x, y, n, [](vf v) { return vexpFull(v); });
    case kLog:
      return mapUnary(x, y, n, [](vf v) { return vlog(v); });
    case kSquare:
      return mapUnary(x, y, n, [](vf v) { return v * v; });
    case kSqrt:
      return mapUnary(x, y, n, [](vf v) { return vsqrt(v); });
    case kReciprocal:
      return mapUnary(x, y, n, [](vf v) { return 1.0f / v; });
    case kSigmoid:
      return mapUnary(x, y, n, [](vf v) { return vlogistic(v); });
    case kTanh:
      return mapUnary(x, y, n, [](vf v) { return vtanh(v); });
    case kAbs:
      return mapUnary(x, y, n, [](vf v) { return vabs(v); });
  }
  unknownKind("unary", kind);
}

void unaryBackward(int64_t kind, const float* x, const float* y, const float* dy, float* dx, int64_t n) {
  switch (kind) {
    case kNeg:
      return mapUnary(dy, dx, n, [](vf d) { return -d; });
    case kExp:
      return mapBinary(y, dy, dx, n, [](vf v, vf d) { return d * v; });
    case kLog:
      return mapBinary(x, dy, dx, n, [](vf v, vf d) { return d / v; });
    case kSquare:
      return mapBinary(x, dy, dx, n, [](vf v, vf d) { return 2.0f * d * v; });
    case kSqrt:
      return mapBinary(y, dy, dx, n, [](vf v, vf d) { return 0.5f * d / v; });
    case kReciprocal:
      return mapBinary(y, dy, dx, n, [](vf v, vf d) { return -d * v * v; });
    case kSigmoid:
      return mapBinary(y, dy, dx, n, [](vf v, vf d) { return d * v * (1.0f - v); });
    case kTanh:
      return mapBinary(y, dy, dx, n, [](vf v, vf d) { return d * (1.0f - v * v); });
    case kAbs:
      return mapBinary(x, dy, dx, n, [](vf v, vf d) { return v > vf{} ? d : (v < vf{} ? -d : d * v); });
  }
  unknownKind("unaryBackward", kind);
}

void binary(int64_t kind, const float* a, const float* b, float* y, int64_t n) {
  switch (kind) {
    case kAdd:
      return mapBinary(a, b, y, n, [](vf u, vf v) { return u + v; });
    case kSub:
      return mapBinary(a, b, y, n, [](vf u, vf v) { return u - v; });
    case kMul:
      return mapBinary(a, b, y, n, [](vf u, vf v) { return u * v; });
    case kDiv:
      return mapBinary(a, b, y, n, [](vf u, vf v) { return u / v; });
    case kMin:
      return mapBinary(a, b, y, n, [](vf u, vf v) { return minTakesA(u, v) ? u : v; });
    case kMax:
      return mapBinary(a, b, y, n, [](vf u, vf v) { return maxTakesA(u, v) ? u : v; });
  }
  unknownKind("binary", kind);
}

void binaryBackward(int64_t kind, const float* a, const float* b, const float* dy, float* da, float* db, int64_t n) {
  const auto pass = [](vf, vf, vf d) { return d; };
  switch (kind) {
    case kAdd:
      return mapGradients(a, b, dy, da, db, n, pass, pass);
    case kSub:
      return mapGradients(a, b, dy, da, db, n, pass, [](vf, vf, vf d) { return -d; });
    case kMul:
      return mapGradients(
          a, b, dy, da, db, n, [](vf, vf v, vf d) { return d * v; }, [](vf u, vf, vf d) { return d * u; });
    case kDiv:
      return mapGradients(
          a, b, dy, da, db, n, [](vf, vf v, vf d) { return d / v; }, [](vf u, vf v, vf d) { return -d * (u / v) / v; });
    case kMin:
      return mapGradients(
          a, b, dy, da, db, n, [](vf u, vf v, vf d) { return minTakesA(u, v) ? d : vf{}; },
          [](vf u, vf v, vf d) { return minTakesA(u, v) ? vf{} : d; });
    case kMax:
      return mapGradients(
          a, b, dy, da, db, n, [](vf u, vf v, vf d) { return maxTakesA(u, v) ? d : vf{}; },
          [](vf u, vf v, vf d) { return maxTakesA(u, v) ? vf{} : d; });
  }
  unknownKind("binaryBackward", kind);
}

}  // namespace luciole
