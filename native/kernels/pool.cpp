// See pool.h.
#include "pool.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace luciole {
namespace {

constexpr int kSpins = 4000;         // about 50-100 µs: longer than the gap between two eager ops
constexpr int kSpinsToYield = 2000;  // the caller, waiting for a worker whose core something else has taken

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

thread_local bool insideJob = false;

struct Job {
  void (*body)(void*, int64_t, int64_t) = nullptr;
  void* context = nullptr;
  int64_t total = 0, grain = 1;
};

class Pool {
 public:
  explicit Pool(int64_t count) {
    for (int64_t i = 1; i < count; ++i) workers_.emplace_back([this] { work(); });
  }
  ~Pool() {
    stopping_.store(true);
    announce();
    for (auto& worker : workers_) worker.join();
  }
  int64_t size() const { return static_cast<int64_t>(workers_.size()) + 1; }

  void run(const Job& job) {
    job_ = job;
    next_.store(0, std::memory_order_relaxed);
    open_.store(true);
    announce();
    drain();
    // A worker that has not arrived by now finds the door closed: nobody waits for a thread that the system has yet to
    // schedule.
    open_.store(false);
    for (int spin = 0; inside_.load() != 0; ++spin) spin < kSpinsToYield ? relax() : std::this_thread::yield();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  void announce() {
    generation_.fetch_add(1);
    if (parked_.load() == 0) return;
    {
      std::lock_guard lock(mutex_);
    }
    wake_.notify_all();
  }
  void drain() {
    for (;;) {
      int64_t begin = next_.fetch_add(job_.grain, std::memory_order_relaxed);
      if (begin >= job_.total) return;
      int64_t end = begin + job_.grain;
      try {
        job_.body(job_.context, begin, end < job_.total ? end : job_.total);
      } catch (...) {
        std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
        next_.store(job_.total, std::memory_order_relaxed);
      }
    }
  }
  void work() {
    insideJob = true;
    int64_t seen = 0;
    for (;;) {
      for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_acquire) == seen; ++spin) relax();
      if (generation_.load() == seen) {
        std::unique_lock lock(mutex_);
        parked_.fetch_add(1);
        wake_.wait(lock, [&] { return generation_.load() != seen; });
        parked_.fetch_sub(1);
      }
      seen = generation_.load();
      if (stopping_.load()) return;
      inside_.fetch_add(1);
      if (open_.load()) drain();
      inside_.fetch_sub(1);
    }
  }

  Job job_;
  std::exception_ptr error_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  alignas(64) std::atomic<int64_t> generation_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<int64_t> inside_{0};
  std::atomic<bool> open_{false};
  std::atomic<int> parked_{0};
  std::atomic<bool> stopping_{false};
};

int64_t coreCount() {
  unsigned cores = std::thread::hardware_concurrency();
  return cores > 0 ? cores : 1;
}

// Held by the one thread that runs a job or restarts the pool; JavaScript workers of one process share the pool.
std::mutex poolHolder;
std::atomic<int64_t> poolSize{coreCount()};

// Started by the first job, never destroyed: the workers outlive static teardown. To be called with poolHolder held.
std::unique_ptr<Pool>& pool() {
  static std::unique_ptr<Pool>* instance = new std::unique_ptr<Pool>();
  if (!*instance) *instance = std::make_unique<Pool>(poolSize.load());
  return *instance;
}

void runInline(int64_t total, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context) {
  for (int64_t begin = 0; begin < total; begin += grain)
    body(context, begin, begin + grain < total ? begin + grain : total);
}

struct InsideJob {
  InsideJob() { insideJob = true; }
  ~InsideJob() { insideJob = false; }
};

}  // namespace

int64_t threadCount() { return insideJob ? 1 : poolSize.load(std::memory_order_relaxed); }

void setThreadCount(int64_t count) {
  if (count < 1 || count > 256)
    throw std::runtime_error("expected a thread count between 1 and 256, got " + std::to_string(count));
  if (insideJob)
    throw std::runtime_error("the thread count cannot change inside a parallel kernel: set it between kernels");
  std::lock_guard lock(poolHolder);
  if (poolSize.load() == count) return;
  pool().reset();
  poolSize.store(count);
}

void parallelRanges(int64_t total, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context) {
  if (total <= 0) return;
  if (grain < 1) grain = 1;
  if (total <= grain || insideJob) return runInline(total, grain, body, context);
  std::unique_lock holder(poolHolder, std::try_to_lock);
  if (!holder || poolSize.load(std::memory_order_relaxed) == 1) {
    InsideJob mark;  // a nested call from this body must not ask again for the mutex that this thread may hold
    return runInline(total, grain, body, context);
  }
  InsideJob mark;
  pool()->run({body, context, total, grain});
}

void* threadScratch(int slot, int64_t bytes) {
  struct Block {
    void* data = nullptr;
    int64_t size = 0;
    ~Block() { std::free(data); }
  };
  thread_local Block blocks[8];
  Block& block = blocks[slot];
  if (block.size < bytes) {
    std::free(block.data);
    block.size = 0;
    block.data = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!block.data) throw std::bad_alloc();
    block.size = (bytes + 63) / 64 * 64;
  }
  return block.data;
}

}  // namespace luciole
