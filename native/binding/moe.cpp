// Export table of the mixture-of-experts routing and dispatch kernels. Conversion only.
#include "../kernels/moe.h"
#include "../kernels/router.h"

#include "bind.h"

namespace luciole {

extern const binding::Export moeTable[] = {
    LUCIOLE_EXPORT(moeDispatch),   LUCIOLE_EXPORT(moeCombine),       LUCIOLE_EXPORT(moeCombineBackward),
    LUCIOLE_EXPORT(gatherSumRows), LUCIOLE_EXPORT(routerForward),    LUCIOLE_EXPORT(routerBackward),
    LUCIOLE_EXPORT(balanceLoss),   LUCIOLE_EXPORT(routerBiasUpdate),
};
extern const size_t moeCount = sizeof(moeTable) / sizeof(moeTable[0]);

}  // namespace luciole
