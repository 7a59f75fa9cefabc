// Export table of the reduction kernels. Conversion only.
#include "../kernels/reduce.h"

#include "bind.h"

namespace luciole {

extern const binding::Export reduceTable[] = {
    LUCIOLE_EXPORT(sumAll),    LUCIOLE_EXPORT(dot),        LUCIOLE_EXPORT(sumSquares),
    LUCIOLE_EXPORT(columnSum), LUCIOLE_EXPORT(clipFactor),
};
extern const size_t reduceCount = sizeof(reduceTable) / sizeof(reduceTable[0]);

}  // namespace luciole
