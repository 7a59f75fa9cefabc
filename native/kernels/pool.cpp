// See pool.h.
#include "pool.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace luciole {
namespace {

constexpr int kSpins = 20000;  // about 50 µs: longer than the gap between two eager ops

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

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
    {
      std::lock_guard lock(mutex_);
      stopping_.store(true);
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  int64_t size() const { return static_cast<int64_t>(workers_.size()) + 1; }

  void run(const Job& job) {
    job_ = job;
    next_.store(0, std::memory_order_relaxed);
    pending_.store(static_cast<int64_t>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1);
    if (parked_.load() > 0) {
      std::lock_guard lock(mutex_);
      wake_.notify_all();
    }
    drain();
    while (pending_.load(std::memory_order_acquire) != 0) relax();
  }

 private:
  void drain() {
    for (;;) {
      int64_t begin = next_.fetch_add(job_.grain, std::memory_order_relaxed);
      if (begin >= job_.total) return;
      int64_t end = begin + job_.grain;
      job_.body(job_.context, begin, end < job_.total ? end : job_.total);
    }
  }
  void work() {
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
      drain();
      pending_.fetch_sub(1, std::memory_order_release);
    }
  }

  Job job_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  alignas(64) std::atomic<int64_t> generation_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<int64_t> pending_{0};
  std::atomic<int> parked_{0};
  std::atomic<bool> stopping_{false};
};

std::unique_ptr<Pool>& pool() {
  static std::unique_ptr<Pool>* instance = new std::unique_ptr<Pool>();  // never destroyed: threads outlive static teardown
  if (!*instance) {
    unsigned cores = std::thread::hardware_concurrency();
    *instance = std::make_unique<Pool>(cores > 0 ? cores : 1);
  }
  return *instance;
}

thread_local bool insideJob = false;

}  // namespace

int64_t threadCount() { return pool()->size(); }

void setThreadCount(int64_t count) {
  if (count < 1 || count > 256) throw std::runtime_error("thread count must be between 1 and 256");
  pool().reset();
  pool() = std::make_unique<Pool>(count);
}

void parallelRanges(int64_t total, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context) {
  if (total <= 0) return;
  if (grain < 1) grain = 1;
  if (total <= grain || insideJob || pool()->size() == 1) {
    for (int64_t begin = 0; begin < total; begin += grain) body(context, begin, begin + grain < total ? begin + grain : total);
    return;
  }
  insideJob = true;
  pool()->run({body, context, total, grain});
  insideJob = false;
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
    block.size = (bytes + 63) / 64 * 64;
    block.data = std::aligned_alloc(64, block.size);
    if (!block.data) throw std::bad_alloc();
  }
  return block.data;
}

}  // namespace luciole
