// Glue: matrix products to native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { addressOf, operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const gemm = operandsOf("gemm");
const headMatmul = operandsOf("headMatmul");

/** The kernels of matrix products, bound to a loaded addon. */
export function linearKernels(addon: NativeAddon): Pick<KernelTable, "gemm" | "headMatmul"> {
  return {
    gemm([a, b, bias, residual], [c], { transA, transB, accumulate, compute }) {
      const [m, n] =
        c.shape.length === 2 ? c.shape : [transA ? a!.shape[1] : a!.shape[0], transB ? b!.shape[0] : b!.shape[1]];
      const k = transA ? a!.shape[0] : a!.shape[1];
      if (b!.isPacked) {
        // biome-ignore format: one line per operand
        addon.gemmPacked(
          transB, m, n, k, gemm.float(a), typeCode(a), k, gemm.float(b), typeCode(b), gemm.float(c), typeCode(c), n,
          accumulate, gemm.f32(bias), gemm.float(residual), typeCode(residual),
        );
        return;
      }
      // biome-ignore format: one line per operand
      addon.gemm(
        transA, transB, m, n, k,
        gemm.float(a), typeCode(a), a!.shape[1],
        gemm.float(b), typeCode(b), b!.shape[1],
        gemm.float(c), typeCode(c), n,
        accumulate, gemm.f32(bias), gemm.float(residual), typeCode(residual), compute === "bf16",
      );
    },
    // One product per head: [T, in] at stride H·in times the head's block of W. y = W_h·x is x·W_hᵀ row by row.
    headMatmul([x, w], [y], { rowOffset, rows, transposed }) {
      const [tokens, heads, width] = x!.shape;
      const [total, k] = w!.shape;
      const out = y.shape[2];
      const wBytes = w!.dtype === "bf16" ? 2 : 4;
      headMatmul.float(w);
      // biome-ignore format: one line per operand
      addon.batchedGemm(
        !transposed, heads, tokens, transposed ? k : rows, transposed ? rows : k,
        headMatmul.float(x), typeCode(x), width, heads * width,
        addressOf(w) + rowOffset * k * wBytes, typeCode(w), (total / heads) * k, k,
        headMatmul.float(y), typeCode(y), out, heads * out,
        w!.dtype === "bf16",
      );
    },
  };
}
