// Export table of the output-head kernels. Conversion only.
#include "../kernels/head.h"

#include "bind.h"

namespace luciole {

extern const binding::Export headTable[] = {
    LUCIOLE_EXPORT(headLogProb),
    LUCIOLE_EXPORT(headLogProbBackward),
    LUCIOLE_EXPORT(headCrossEntropy),
    LUCIOLE_EXPORT(headDivergence),
};
extern const size_t headCount = sizeof(headTable) / sizeof(headTable[0]);

}  // namespace luciole
