// Export table of the encoder of stored weights. Conversion only.
#include "../kernels/block-encode.h"

#include "bind.h"

namespace luciole {

extern const binding::Export encodeTable[] = {LUCIOLE_EXPORT(encodeWeights)};
extern const size_t encodeCount = sizeof(encodeTable) / sizeof(encodeTable[0]);

}  // namespace luciole
