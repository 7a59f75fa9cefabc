// Export table of the elementwise and pointwise-math kernels. Conversion only.
#include "../kernels/dropout.h"
#include "../kernels/elementwise.h"
#include "../kernels/pointwise.h"

#include "bind.h"

namespace luciole {

extern const binding::Export elementwiseTable[] = {
    LUCIOLE_EXPORT(cast),          LUCIOLE_EXPORT(fill),         LUCIOLE_EXPORT(addScaled),
    LUCIOLE_EXPORT(scaleBy),       LUCIOLE_EXPORT(clampForward), LUCIOLE_EXPORT(clampBackward),
    LUCIOLE_EXPORT(glu),           LUCIOLE_EXPORT(gluBackward),  LUCIOLE_EXPORT(unary),
    LUCIOLE_EXPORT(unaryBackward), LUCIOLE_EXPORT(binary),       LUCIOLE_EXPORT(binaryBackward),
    LUCIOLE_EXPORT(dropout),
};
extern const size_t elementwiseCount = sizeof(elementwiseTable) / sizeof(elementwiseTable[0]);

}  // namespace luciole
