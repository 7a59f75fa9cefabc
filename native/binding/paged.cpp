// Export table of the paged cache and its attention. Conversion only.
#include "../kernels/paged.h"

#include "bind.h"

namespace luciole {

extern const binding::Export pagedTable[] = {LUCIOLE_EXPORT(pagedWrite), LUCIOLE_EXPORT(gatherPaged),
                                             LUCIOLE_EXPORT(pagedAttention), LUCIOLE_EXPORT(expandedAttention)};
extern const size_t pagedCount = sizeof(pagedTable) / sizeof(pagedTable[0]);

}  // namespace luciole
