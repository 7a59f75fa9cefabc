// Export table of the scaling kernels. Conversion only.
#include "../kernels/spread.h"

#include "bind.h"

namespace luciole {

extern const binding::Export spreadTable[] = {LUCIOLE_EXPORT(scale), LUCIOLE_EXPORT(spread)};
extern const size_t spreadCount = sizeof(spreadTable) / sizeof(spreadTable[0]);

}  // namespace luciole
