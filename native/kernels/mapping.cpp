// See mapping.h.
#include "mapping.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "pool.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace luciole {

#if defined(__unix__) || defined(__APPLE__)

void* mapFile(int64_t descriptor, int64_t bytes) {
  void* mapping = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ, MAP_PRIVATE, static_cast<int>(descriptor), 0);
  if (mapping == MAP_FAILED) throw std::runtime_error(std::string("the system refused to map the file: ") + std::strerror(errno));
  return mapping;
}

void unmapFile(void* mapping, int64_t bytes) { munmap(mapping, static_cast<size_t>(bytes)); }

/** Advice is taken for whole pages. */
static void advise(void* at, int64_t bytes, int advice) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<uintptr_t>(at);
  const uintptr_t first = start / page * page;
  madvise(reinterpret_cast<void*>(first), start - first + static_cast<size_t>(bytes), advice);
}

void willNeed(void* at, int64_t bytes) { advise(at, bytes, MADV_WILLNEED); }
void dropPages(void* at, int64_t bytes) { advise(at, bytes, MADV_DONTNEED); }

#else

void* mapFile(int64_t, int64_t) { throw std::runtime_error("files cannot be mapped on this system"); }
void unmapFile(void*, int64_t) {}
void willNeed(void*, int64_t) {}
void dropPages(void*, int64_t) {}

#endif

void moveBytes(const void* from, void* to, int64_t bytes) {
  constexpr int64_t kGrain = int64_t{1} << 20;
  parallelFor(bytes, kGrain, [&](int64_t begin, int64_t end) {
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin, static_cast<size_t>(end - begin));
  });
}

}  // namespace luciole
