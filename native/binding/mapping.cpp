// Export table of mapped files. Conversion only.
#include "../kernels/mapping.h"

#include "bind.h"

namespace luciole {

extern const binding::Export mappingTable[] = {
    LUCIOLE_EXPORT(mapFile),   LUCIOLE_EXPORT(unmapFile), LUCIOLE_EXPORT(willNeed),
    LUCIOLE_EXPORT(dropPages), LUCIOLE_EXPORT(moveBytes),
};
extern const size_t mappingCount = sizeof(mappingTable) / sizeof(mappingTable[0]);

}  // namespace luciole
