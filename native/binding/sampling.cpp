// Export table of the sampling kernels. Conversion only.
#include "../kernels/sampling.h"

#include "bind.h"

namespace luciole {

extern const binding::Export samplingTable[] = {
    LUCIOLE_EXPORT(sampleTokens),
    LUCIOLE_EXPORT(adjustLogits),
    LUCIOLE_EXPORT(maskLogits),
    LUCIOLE_EXPORT(topLogProbs),
};
extern const size_t samplingCount = sizeof(samplingTable) / sizeof(samplingTable[0]);

}  // namespace luciole
