// See indexes.h.
#include "indexes.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace luciole {

void checkIndexes(const int32_t* indexes, int64_t count, int64_t from, int64_t below) {
  bool fit = true;
  for (int64_t i = 0; i < count; ++i) fit &= indexes[i] >= from && indexes[i] < below;
  if (fit) return;
  const int32_t* wrong =
      std::find_if(indexes, indexes + count, [=](int32_t index) { return index < from || index >= below; });
  throw std::runtime_error("expected indexes in [" + std::to_string(from) + ", " + std::to_string(below) + "), got " +
                           std::to_string(*wrong) + " at position " + std::to_string(wrong - indexes));
}

void checkOffsets(const int32_t* offsets, int64_t count, int64_t end, bool within) {
  const bool ends = count > 0 && (within ? offsets[0] >= 0 && offsets[count - 1] <= end
                                         : offsets[0] == 0 && offsets[count - 1] == end);
  if (ends && std::is_sorted(offsets, offsets + count)) return;
  const std::string got = count > 0 ? std::to_string(offsets[0]) + " to " + std::to_string(offsets[count - 1]) : "none";
  throw std::runtime_error(std::string("expected offsets that never fall, ") + (within ? "within" : "from") + " 0 to " +
                           std::to_string(end) + ", got " + got + (ends ? " with a fall between" : ""));
}

}  // namespace luciole
