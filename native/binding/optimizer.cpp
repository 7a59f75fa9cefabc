// Export table of the optimizer kernels. Conversion only.
#include "../kernels/optimizer.h"

#include "bind.h"

namespace luciole {

extern const binding::Export optimizerTable[] = {
    LUCIOLE_EXPORT(adamw),
    LUCIOLE_EXPORT(axpyUpdate),
};
extern const size_t optimizerCount = sizeof(optimizerTable) / sizeof(optimizerTable[0]);

}  // namespace luciole
