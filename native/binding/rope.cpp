// Export table of the rotary-embedding kernels. Conversion only.
#include "../kernels/rope.h"

#include "bind.h"

namespace luciole {

extern const binding::Export ropeTable[] = {LUCIOLE_EXPORT(rope), LUCIOLE_EXPORT(mlaAssemble),
                                            LUCIOLE_EXPORT(mlaAssembleBackward)};
extern const size_t ropeCount = sizeof(ropeTable) / sizeof(ropeTable[0]);

}  // namespace luciole
