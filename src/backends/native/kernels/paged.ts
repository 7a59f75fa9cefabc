// Glue: the paged cache, attention over it and over MLA's expanded context, to native kernels. Conversion only.
import { BackendError } from "../../../errors.js";
import type { Operand } from "../../../tensor/backend.js";
import type { KernelTable } from "../../../tensor/ops/index.js";
import { type PagedRole, pagedWidths } from "../../../tensor/ops/paged-layout.js";
import { addressOf, operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const write = operandsOf("pagedWrite");
const gather = operandsOf("gatherPaged");
const paged = operandsOf("pagedAttention");
const expanded = operandsOf("expandedAttention");

const roles: Readonly<Record<PagedRole, number>> = { keys: 0, values: 1, latent: 2 };

/** A cache of heads, which has to lie in this backend's order. */
function heads(op: string, cache: Operand | null): number {
  if (cache && !cache.isPacked)
    throw new BackendError(`${op}: the cache [${cache.shape}] lies row by row: make it with emptyPagedHeads`);
  return addressOf(cache);
}

/** The kernels of the paged cache, bound to a loaded addon. */
export function pagedKernels(
  addon: NativeAddon,
): Pick<KernelTable, "pagedWrite" | "gatherPaged" | "pagedAttention" | "expandedAttention"> {
  return {
    pagedWrite([x, cache, blockIds, offsets], _, { role, latent }) {
      const { heads: numHeads, width } = pagedWidths(cache!, role, latent);
      const to = role === "latent" ? addressOf(cache) : heads("pagedWrite", cache);
      // biome-ignore format: one line per group of operands
      addon.pagedWrite(
        write.float(x), typeCode(x), to, typeCode(cache), roles[role], write.i32(blockIds),
        write.i32(offsets),
        x!.shape[0], numHeads, width, latent,
      );
    },
    gatherPaged([cache, tables, cuKeys], [out], { latent }) {
      const [sequences, maxBlocks] = tables!.shape;
      // biome-ignore format: one line per group of operands
      addon.gatherPaged(
        addressOf(cache), typeCode(cache), cache!.shape[0], gather.i32(tables), maxBlocks, gather.i32(cuKeys),
        sequences, gather.float(out), typeCode(out),
        out.shape[1], latent,
      );
    },
    pagedAttention([q, keys, values, tables, cuQueries, contextLengths], [o], params) {
      const { scale, valueWidth, window = 0, softCap = 0 } = params;
      const [, Hq, Dk] = q!.shape;
      const [sequences, maxBlocks] = tables!.shape;
      const at = (cache: Operand | null) => (values ? heads("pagedAttention", cache) : addressOf(cache));
      // biome-ignore format: one line per group of operands
      addon.pagedAttention(
        addressOf(q), paged.common(q, o), at(keys), at(values), typeCode(keys), keys!.shape[0],
        addressOf(o), paged.i32(tables), maxBlocks,
        paged.i32(cuQueries), paged.i32(contextLengths), sequences, Hq, values ? keys!.shape[1] : 1, Dk, valueWidth,
        scale, window, softCap,
      );
    },
    expandedAttention([q, kv, kRope, cuQueries, cuKeys], [o], { scale }) {
      const [, H, Dk] = q!.shape;
      const rotary = kRope!.shape[1];
      // biome-ignore format: one line per group of operands
      addon.expandedAttention(
        addressOf(q), addressOf(kv), addressOf(kRope), expanded.common(q, kv, kRope, o), addressOf(o),
        expanded.i32(cuQueries), expanded.i32(cuKeys),
        cuQueries!.size - 1, H, Dk - rotary, rotary, o.shape[2], scale,
      );
    },
  };
}
