// See roofline.h.
#include "roofline.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "simd.h"

namespace luciole {
namespace {

constexpr double kSliceSeconds =
    2e-3;  // shorter than a scheduler's turn: a busy neighbour spoils a slice, seldom all of them

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/** Seconds this thread has really run: a ceiling is what the cores can do, whoever else wants them now. */
double threadSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/** Runs body(thread) on `threads` threads that start together; the processor seconds of the slowest. */
template <class F>
double timeTogether(int64_t threads, F&& body) {
  std::atomic<int64_t> waiting{threads};
  std::atomic<double> slowest{0};
  auto run = [&](int64_t thread) {
    waiting.fetch_sub(1);
    while (waiting.load() > 0) std::this_thread::yield();
    double begin = threadSeconds();
    body(thread);
    double took = threadSeconds() - begin;
    for (double seen = slowest.load(); took > seen && !slowest.compare_exchange_weak(seen, took);) {
    }
  };
  std::vector<std::thread> others;
  for (int64_t i = 1; i < threads; ++i) others.emplace_back(run, i);
  run(0);
  for (auto& other : others) other.join();
  return slowest.load();
}

/**
 * The best rate over short slices of body(thread, iterations), which does `unitsPerIteration` units of work on each
 * thread. Slices are tried until `seconds` have passed.
 */
template <class F>
double bestRate(int64_t threads, double seconds, double unitsPerIteration, F&& body) {
  if (threads < 1 || threads > 256)
    throw std::runtime_error("expected 1 to 256 threads, got " + std::to_string(threads));
  auto slice = [&](int64_t iterations) {
    return timeTogether(threads, [&](int64_t thread) { body(thread, iterations); });
  };
  // A slice's length is settled by the best of several tries: one that a busy neighbour stretched must not pass for a
  // long one.
  auto bestOfFew = [&](int64_t count) {
    double best = slice(count);
    for (int i = 0; i < 7; ++i) best = std::min(best, slice(count));
    return best;
  };
  int64_t iterations = 1;
  while (bestOfFew(iterations) < kSliceSeconds / 2) iterations *= 2;
  double fastest = slice(iterations) / iterations;
  for (double end = now() + seconds; now() < end;) fastest = std::min(fastest, slice(iterations) / iterations);
  return unitsPerIteration * static_cast<double>(threads) / fastest;
}

/** The mean rate over `seconds`, one iteration after the other. */
template <class F>
double meanRate(int64_t threads, double seconds, double unitsPerIteration, F&& body) {
  if (threads < 1 || threads > 256)
    throw std::runtime_error("expected 1 to 256 threads, got " + std::to_string(threads));
  int64_t iterations = 0;
  double taken = 0;
  for (double end = now() + seconds; iterations == 0 || now() < end; ++iterations)
    taken += timeTogether(threads, [&](int64_t thread) { body(thread, 1); });
  return unitsPerIteration * static_cast<double>(threads * iterations) / taken;
}

// An asm operand that may have changed the value, as far as the compiler knows.
#if defined(__x86_64__)
#define KEEP(value) "+v"(value)
#elif defined(__ARM_NEON)
#define KEEP(value) "+w"(value)
#else
#define KEEP(value) "+m"(value)
#endif

constexpr int kChains = 12;  // covers latency × issue width on every x86-64 and Armv8 core, and fits 16 registers
constexpr int kUnroll = 16;

/**
 * kUnroll times `iterations` steps acc = Step(acc, a, b) on kChains independent accumulators; no compiler may collapse
 * them.
 */
template <auto Step, class V, class T>
void chains(V start, T a, T b, int64_t iterations) {
  V x0 = start, x1 = start, x2 = start, x3 = start, x4 = start, x5 = start, x6 = start, x7 = start, x8 = start,
    x9 = start, x10 = start, x11 = start;
  for (int64_t i = 0; i < iterations * kUnroll; ++i) {
    x0 = Step(x0, a, b), x1 = Step(x1, a, b), x2 = Step(x2, a, b), x3 = Step(x3, a, b);
    x4 = Step(x4, a, b), x5 = Step(x5, a, b), x6 = Step(x6, a, b), x7 = Step(x7, a, b);
    x8 = Step(x8, a, b), x9 = Step(x9, a, b), x10 = Step(x10, a, b), x11 = Step(x11, a, b);
    // Equal chains would otherwise be computed once.
    asm volatile(""
                 : KEEP(x0), KEEP(x1), KEEP(x2), KEEP(x3), KEEP(x4), KEEP(x5), KEEP(x6), KEEP(x7), KEEP(x8), KEEP(x9),
                   KEEP(x10), KEEP(x11));
  }
}

inline vf fmaStep(vf acc, vf a, vf b) { return vfma(acc, a, b); }

struct FreeDeleter {
  void operator()(void* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<float[], FreeDeleter>;

/** On huge pages where the system has them, as tensors are: address translation is no part of a ceiling. */
Buffer filled(int64_t count) {
  constexpr int64_t page = int64_t{2} << 20;
  const int64_t bytes = count * 4, alignment = bytes >= page ? page : 64;
  Buffer buffer(static_cast<float*>(std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)));
  if (!buffer) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
  if (bytes >= page) madvise(buffer.get(), bytes / page * page, MADV_HUGEPAGE);
#endif
  std::fill(buffer.get(), buffer.get() + count, 1.0f);
  return buffer;
}

/** This thread's share [begin, end) of `count` floats, in whole blocks of 8 vectors. */
struct Share {
  int64_t begin, end;
  Share(int64_t count, int64_t thread, int64_t threads) {
    constexpr int64_t block = 8 * kLanes;
    int64_t blocks = count / block;
    begin = blocks * thread / threads * block;
    end = blocks * (thread + 1) / threads * block;
  }
};

/** `Ahead`: floats by which lines are asked for in advance, into the second-level cache; 0: left to the hardware. */
template <int64_t Ahead>
float sumRange(const float* p, const float* end) {
  vf acc[8] = {};
  for (; p < end; p += 8 * kLanes)
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      if constexpr (Ahead > 0) __builtin_prefetch(p + j * kLanes + Ahead, 0, 2);
      acc[j] += load(p + j * kLanes);
    }
  for (int j = 1; j < 8; ++j) acc[0] += acc[j];
  return sum(acc[0]);
}

}  // namespace

double peakFmaF32(int64_t threads, double seconds) {
  return bestRate(threads, seconds, 2.0 * kLanes * kChains * kUnroll, [](int64_t, int64_t iterations) {
    chains<fmaStep>(splat(1.0f), splat(0.999f), splat(1e-3f), iterations);
  });
}

#if defined(__AVX512BF16__)
static __m512 dotBf16Step(__m512 acc, __m512bh a, __m512bh b) { return _mm512_dpbf16_ps(acc, a, b); }

double peakDotBf16(int64_t threads, double seconds) {
  return bestRate(threads, seconds, 4.0 * kLanes * kChains * kUnroll, [](int64_t, int64_t iterations) {
    __m512bh ones = _mm512_cvtne2ps_pbh(splat(1.0f), splat(1.0f));
    chains<dotBf16Step>(_mm512_setzero_ps(), ones, ones, iterations);
  });
}
#else
double peakDotBf16(int64_t, double) { return 0; }
#endif

#if defined(__AVX512VNNI__)
static __m512i dotInt8Step(__m512i acc, __m512i a, __m512i b) { return _mm512_dpbusd_epi32(acc, a, b); }

double peakDotInt8(int64_t threads, double seconds) {
  return bestRate(threads, seconds, 8.0 * kLanes * kChains * kUnroll, [](int64_t, int64_t iterations) {
    chains<dotInt8Step>(_mm512_setzero_si512(), _mm512_set1_epi8(1), _mm512_set1_epi8(1), iterations);
  });
}
#else
double peakDotInt8(int64_t, double) { return 0; }
#endif

template <int64_t Ahead, bool Sustained>
static double readRate(const float* source, int64_t count, int64_t threads, double seconds) {
  const auto read = [&](int64_t thread, int64_t iterations) {
    Share share(count, thread, threads);
    for (int64_t i = 0; i < iterations; ++i) {
      const float* p = source;
      asm volatile("" : "+r"(p));  // else one pass is hoisted out of the loop
      float total = sumRange<Ahead>(p + share.begin, p + share.end);
      asm volatile("" : KEEP(total));
    }
  };
  const double bytes = 4.0 * count / threads;
  return Sustained ? meanRate(threads, seconds, bytes, read) : bestRate(threads, seconds, bytes, read);
}

template <bool Sustained>
static double readRateOf(int64_t threads, int64_t bytes, double seconds) {
  int64_t count = std::max<int64_t>(bytes / 4, 8 * kLanes * threads);
  Buffer source = filled(count);
  // Which is faster differs between CPUs and between caches and memory; a kernel may do either.
  return std::max(readRate<0, Sustained>(source.get(), count, threads, seconds / 2),
                  readRate<2048, Sustained>(source.get(), count, threads, seconds / 2));
}

double readBandwidth(int64_t threads, int64_t bytes, double seconds) {
  return readRateOf<false>(threads, bytes, seconds);
}
double sustainedReadBandwidth(int64_t threads, int64_t bytes, double seconds) {
  return readRateOf<true>(threads, bytes, seconds);
}

double copyBandwidth(int64_t threads, int64_t bytes, double seconds) {
  int64_t count = std::max<int64_t>(bytes / 8, 8 * kLanes * threads);
  Buffer from = filled(count), to = filled(count);
  return bestRate(threads, seconds, 8.0 * count / threads, [&](int64_t thread, int64_t iterations) {
    Share share(count, thread, threads);
    for (int64_t i = 0; i < iterations; ++i)
      for (int64_t j = share.begin; j < share.end; j += kLanes) store(&to[j], load(&from[j]));
  });
}

double triadBandwidth(int64_t threads, int64_t bytes, double seconds) {
  int64_t count = std::max<int64_t>(bytes / 12, 8 * kLanes * threads);
  Buffer a = filled(count), b = filled(count), c = filled(count);
  return bestRate(threads, seconds, 12.0 * count / threads, [&](int64_t thread, int64_t iterations) {
    Share share(count, thread, threads);
    vf scale = splat(0.5f);
    for (int64_t i = 0; i < iterations; ++i)
      for (int64_t j = share.begin; j < share.end; j += kLanes) store(&a[j], vfma(load(&c[j]), scale, load(&b[j])));
  });
}

}  // namespace luciole
