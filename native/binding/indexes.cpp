// Export table of the checks of indexes. Conversion only.
#include "../kernels/indexes.h"

#include "bind.h"

namespace luciole {

extern const binding::Export indexesTable[] = {LUCIOLE_EXPORT(checkIndexes), LUCIOLE_EXPORT(checkOffsets)};
extern const size_t indexesCount = sizeof(indexesTable) / sizeof(indexesTable[0]);

}  // namespace luciole
