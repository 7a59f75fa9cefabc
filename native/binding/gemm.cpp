// Export table of the matrix products. Conversion only.
#include "../kernels/gemm.h"

#include "../kernels/grouped-gemm.h"
#include "bind.h"

namespace luciole {

extern const binding::Export gemmTable[] = {LUCIOLE_EXPORT(gemm),           LUCIOLE_EXPORT(batchedGemm),
                                            LUCIOLE_EXPORT(groupedGemm),    LUCIOLE_EXPORT(groupedGemmWeightGrad),
                                            LUCIOLE_EXPORT(canPackWeights), LUCIOLE_EXPORT(packWeights),
                                            LUCIOLE_EXPORT(gemmPacked),     LUCIOLE_EXPORT(groupedGemmPacked)};
extern const size_t gemmCount = sizeof(gemmTable) / sizeof(gemmTable[0]);

}  // namespace luciole
