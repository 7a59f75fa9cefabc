// Export table of the products with stored weights. Conversion only.
#include "../kernels/stored-linear.h"

#include "bind.h"

namespace luciole {

extern const binding::Export storedTable[] = {
    LUCIOLE_EXPORT(storedPackedBytes),   LUCIOLE_EXPORT(packStored), LUCIOLE_EXPORT(storedLinear),
    LUCIOLE_EXPORT(storedGroupedLinear), LUCIOLE_EXPORT(storedRows), LUCIOLE_EXPORT(storedLinearBackward),
    LUCIOLE_EXPORT(storedGroupedLinearBackward),
};
extern const size_t storedCount = sizeof(storedTable) / sizeof(storedTable[0]);

}  // namespace luciole
