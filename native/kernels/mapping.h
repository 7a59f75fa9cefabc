// Files mapped into memory, read-only, and copying out of them. Reading where a file has been cut short meanwhile is a
// fault that nothing can be computed after: the process says which file it was and ends with status 1. Knows nothing of
// what is in them.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * Maps the first `bytes` (> 0) of an open file, read-only; the descriptor may be closed then. Throws where the system
 * refuses.
 */
void* mapFile(int64_t descriptor, int64_t bytes);
/** Ends a mapping made by mapFile with the same `bytes`. */
void unmapFile(void* mapping, int64_t bytes);
/** Says that [at, at + bytes) of a mapping will be read soon: the system starts reading. */
void willNeed(void* at, int64_t bytes);
/** Drops the pages of [at, at + bytes) of a mapping from this process; they come back from the file when read again. */
void dropPages(void* at, int64_t bytes);

/** Copies bytes on all threads. */
void moveBytes(const void* from, void* to, int64_t bytes);

}  // namespace luciole
