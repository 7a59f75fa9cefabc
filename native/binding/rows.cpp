// Export table of the row-moving and embedding kernels. Conversion only.
#include "../kernels/rows.h"

#include "bind.h"

namespace luciole {

extern const binding::Export rowsTable[] = {
    LUCIOLE_EXPORT(concatLast),     LUCIOLE_EXPORT(splitLast), LUCIOLE_EXPORT(gatherRows),
    LUCIOLE_EXPORT(scatterAddRows), LUCIOLE_EXPORT(embedding), LUCIOLE_EXPORT(embeddingBackward),
};
extern const size_t rowsCount = sizeof(rowsTable) / sizeof(rowsTable[0]);

}  // namespace luciole
