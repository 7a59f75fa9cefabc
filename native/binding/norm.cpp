// Export table of the normalisation kernels. Conversion only.
#include "../kernels/norm.h"

#include "bind.h"

namespace luciole {

extern const binding::Export normTable[] = {LUCIOLE_EXPORT(rmsNorm), LUCIOLE_EXPORT(rmsNormBackward)};
extern const size_t normCount = sizeof(normTable) / sizeof(normTable[0]);

}  // namespace luciole
