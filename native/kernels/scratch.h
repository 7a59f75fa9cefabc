// A buffer that a kernel keeps between calls, for scratch that several threads share during one call.
// (pool.h's threadScratch is for scratch of one thread.) Knows nothing of kernels.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <new>

namespace luciole {

/**
 * Grows on demand, 64-byte aligned. Declare it thread_local in the kernel: the calling thread owns it, bodies receive
 * its pointer.
 */
template <class T>
class SharedScratch {
 public:
  SharedScratch() = default;
  SharedScratch(const SharedScratch&) = delete;
  SharedScratch& operator=(const SharedScratch&) = delete;
  ~SharedScratch() { std::free(data_); }

  /** At least `count` elements, contents undefined; valid until the next call. */
  T* get(int64_t count) {
    if (count > capacity_ || !data_) {
      std::free(data_);
      capacity_ = 0;
      data_ = static_cast<T*>(std::aligned_alloc(64, (count * sizeof(T) + 64) / 64 * 64));
      if (!data_) throw std::bad_alloc();
      capacity_ = count;
    }
    return data_;
  }

 private:
  T* data_ = nullptr;
  int64_t capacity_ = 0;
};

}  // namespace luciole
