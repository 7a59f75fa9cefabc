// Export table of the sampling kernels and the log-softmax they share with the output head. Conversion only.
#include "../kernels/sampling.h"
#include "../kernels/softmax-row.h"

#include "bind.h"

namespace luciole {

extern const binding::Export samplingTable[] = {
    LUCIOLE_EXPORT(sampleTokens),
    LUCIOLE_EXPORT(adjustLogits),
    LUCIOLE_EXPORT(maskLogits),
    LUCIOLE_EXPORT(topLogProbs),
    LUCIOLE_EXPORT(logSoftmaxRows),
};
extern const size_t samplingCount = sizeof(samplingTable) / sizeof(samplingTable[0]);

}  // namespace luciole
