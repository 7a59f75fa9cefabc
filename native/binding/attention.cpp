// Export table of the attention kernels. Conversion only.
#include "../kernels/attention.h"

#include "bind.h"

namespace luciole {

extern const binding::Export attentionTable[] = {LUCIOLE_EXPORT(attentionForward), LUCIOLE_EXPORT(attentionBackward)};
extern const size_t attentionCount = sizeof(attentionTable) / sizeof(attentionTable[0]);

}  // namespace luciole
