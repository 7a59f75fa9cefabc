// Export table of the roofline probes. Conversion only.
#include "../kernels/roofline.h"

#include "bind.h"

namespace luciole {

extern const binding::Export rooflineTable[] = {
    LUCIOLE_EXPORT(peakFmaF32),
    LUCIOLE_EXPORT(peakDotBf16),
    LUCIOLE_EXPORT(peakDotInt8),
    LUCIOLE_EXPORT(readBandwidth),
    LUCIOLE_EXPORT(sustainedReadBandwidth),
    LUCIOLE_EXPORT(copyBandwidth),
    LUCIOLE_EXPORT(triadBandwidth),
};
extern const size_t rooflineCount = sizeof(rooflineTable) / sizeof(rooflineTable[0]);

}  // namespace luciole
