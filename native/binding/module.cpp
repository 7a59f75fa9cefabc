// The module's entry: memory and CPU facts, then every kernel family's export table. Conversion only.
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_set>

#include "../kernels/pool.h"
#include "bind.h"

namespace luciole {

/**
 * Blocks from this size on are backed by huge pages where the system has them: fewer address translations, working
 * prefetches.
 */
static constexpr int64_t kHugePage = int64_t{2} << 20;

/**
 * The blocks of one JavaScript thread. A worker that is terminated releases none of them itself; they go back to the
 * system when its thread ends.
 */
struct OwnBlocks {
  std::unordered_set<void*> blocks;
  ~OwnBlocks() {
    for (void* p : blocks) std::free(p);
  }
};
static thread_local OwnBlocks own;

/**
 * Device memory, 64-byte aligned at least; throws when the system has none left. What does not fill a huge page stays
 * in small ones.
 */
static void* allocate(int64_t bytes) {
  const int64_t hugeBytes = bytes / kHugePage * kHugePage;
  void* p = nullptr;
  // Unlike aligned_alloc, this takes sizes that are no multiple of the alignment.
  if (posix_memalign(&p, hugeBytes > 0 ? kHugePage : 64, (bytes + 63) / 64 * 64) != 0)
    throw std::runtime_error("out of memory: the system refused " + std::to_string(bytes >> 20) + " MiB");
#if defined(MADV_HUGEPAGE)
  if (hugeBytes > 0) madvise(p, hugeBytes, MADV_HUGEPAGE);
#endif
  own.blocks.insert(p);
  return p;
}
static void release(void* p) {
  own.blocks.erase(p);
  std::free(p);
}

}  // namespace luciole

using luciole::binding::Export;

namespace {

/** copyIn(address, arrayBuffer, byteOffset, byteLength): host to device. */
napi_value copyIn(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value argv[4];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  void* data = nullptr;
  size_t size = 0;
  napi_get_arraybuffer_info(env, argv[1], &data, &size);
  int64_t offset = luciole::binding::fromJs<int64_t>(env, argv[2]),
          length = luciole::binding::fromJs<int64_t>(env, argv[3]);
  if (offset < 0 || length < 0 || static_cast<size_t>(offset) + static_cast<size_t>(length) > size) {
    napi_throw_range_error(env, nullptr, "copyIn: outside the array buffer");
    return nullptr;
  }
  if (length > 0) std::memcpy(luciole::binding::fromJs<char*>(env, argv[0]), static_cast<char*>(data) + offset, length);
  return nullptr;
}

/** copyOut(address, arrayBuffer, byteOffset, byteLength): device to host. */
napi_value copyOut(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value argv[4];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  void* data = nullptr;
  size_t size = 0;
  napi_get_arraybuffer_info(env, argv[1], &data, &size);
  int64_t offset = luciole::binding::fromJs<int64_t>(env, argv[2]),
          length = luciole::binding::fromJs<int64_t>(env, argv[3]);
  if (offset < 0 || length < 0 || static_cast<size_t>(offset) + static_cast<size_t>(length) > size) {
    napi_throw_range_error(env, nullptr, "copyOut: outside the array buffer");
    return nullptr;
  }
  if (length > 0)
    std::memcpy(static_cast<char*>(data) + offset, luciole::binding::fromJs<const char*>(env, argv[0]), length);
  return nullptr;
}

}  // namespace

#define LUCIOLE_TABLE(name)          \
  extern const Export name##Table[]; \
  extern const size_t name##Count;
namespace luciole {
#include "tables.inc"
}
#undef LUCIOLE_TABLE

extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
#if defined(__GLIBC__)
  // Large blocks go back to the system when they are released. By default the limit grows with use, and what was freed
  // stays resident.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
  static const Export memory[] = {
      {"copyIn", copyIn},      {"copyOut", copyOut},        LUCIOLE_EXPORT(allocate),
      LUCIOLE_EXPORT(release), LUCIOLE_EXPORT(threadCount), LUCIOLE_EXPORT(setThreadCount),
  };
  luciole::binding::exportAll(env, exports, memory, sizeof(memory) / sizeof(memory[0]));
#define LUCIOLE_TABLE(name) luciole::binding::exportAll(env, exports, luciole::name##Table, luciole::name##Count);
#include "tables.inc"
  return exports;
}

extern "C" __attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1() { return NAPI_VERSION; }
