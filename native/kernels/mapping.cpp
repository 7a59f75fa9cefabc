// See mapping.h.
#include "mapping.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "pool.h"

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>

/** Gives the terminal back its mode; of Node's libuv, which allows it in signal handlers. Null in another program. */
extern "C" __attribute__((weak)) int uv_tty_reset_mode(void);
#endif

namespace luciole {

#if defined(__unix__) || defined(__APPLE__)

namespace {

/** A mapping, and what is said when its file turns out too short. */
struct Mapped {
  std::atomic<uintptr_t> begin{0};  // 0: a free place
  uintptr_t end = 0;
  std::string message;
};

// Read by the signal's handler, so it never moves and is never destroyed; files beyond this number end the process
// without their name.
constexpr size_t kMostNamed = 1024;
Mapped* const mapped = new Mapped[kMostNamed];
std::mutex mappedMutex;
struct sigaction previousAction;
std::atomic_flag isEnding;

/** Where a mapping's file has lost the page that was read. Calls nothing that a handler may not. */
void onBusError(int signal, siginfo_t* info, void* context) {
  const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  for (size_t i = 0; i < kMostNamed; ++i) {
    const uintptr_t begin = mapped[i].begin.load(std::memory_order_acquire);
    if (begin == 0 || at < begin || at >= mapped[i].end) continue;
    // Another thread may have met the same page: one of them speaks, the others wait for the end.
    if (isEnding.test_and_set())
      for (;;) pause();
    if (uv_tty_reset_mode) uv_tty_reset_mode();
    if (write(STDERR_FILENO, mapped[i].message.data(), mapped[i].message.size()) < 0) _exit(1);
    _exit(1);
  }
  if (previousAction.sa_flags & SA_SIGINFO) return previousAction.sa_sigaction(signal, info, context);
  if (previousAction.sa_handler != SIG_DFL && previousAction.sa_handler != SIG_IGN)
    return previousAction.sa_handler(signal);
  sigaction(SIGBUS, &previousAction, nullptr);  // the read is tried again, and ends the process as it would have
}

void handleBusErrors() {
  static const bool once = [] {
    struct sigaction action{};
    action.sa_sigaction = onBusError;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &previousAction) == 0;
  }();
  (void)once;
}

std::string nameOf(int descriptor) {
  char name[4096];
#if defined(__linux__)
  const ssize_t length = readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), name, sizeof(name));
  if (length > 0) return std::string(name, static_cast<size_t>(length));
#elif defined(__APPLE__)
  if (fcntl(descriptor, F_GETPATH, name) == 0) return name;
#endif
  return "a mapped file";
}

/** Control characters, which a terminal would obey, become question marks. */
std::string printable(std::string name) {
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return name;
}

void name(void* mapping, int64_t bytes, int descriptor) {
  handleBusErrors();
  const std::lock_guard<std::mutex> lock(mappedMutex);
  Mapped* place = std::find_if(mapped, mapped + kMostNamed, [](const Mapped& m) { return m.begin.load() == 0; });
  if (place == mapped + kMostNamed) return;
  place->end = reinterpret_cast<uintptr_t>(mapping) + static_cast<size_t>(bytes);
  place->message = "error: " + printable(nameOf(descriptor)) +
                   " was cut short while its weights were in use: put the whole file back and start again\n";
  place->begin.store(reinterpret_cast<uintptr_t>(mapping), std::memory_order_release);
}

void unname(void* mapping) {
  const std::lock_guard<std::mutex> lock(mappedMutex);
  for (size_t i = 0; i < kMostNamed; ++i)
    if (mapped[i].begin.load() == reinterpret_cast<uintptr_t>(mapping))
      mapped[i].begin.store(0, std::memory_order_release);
}

}  // namespace

void* mapFile(int64_t descriptor, int64_t bytes) {
  void* mapping = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ, MAP_PRIVATE, static_cast<int>(descriptor), 0);
  if (mapping == MAP_FAILED)
    throw std::runtime_error(std::string("the system refused to map the file: ") + std::strerror(errno));
  name(mapping, bytes, static_cast<int>(descriptor));
  return mapping;
}

void unmapFile(void* mapping, int64_t bytes) {
  unname(mapping);
  munmap(mapping, static_cast<size_t>(bytes));
}

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
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin,
                static_cast<size_t>(end - begin));
  });
}

}  // namespace luciole
