// The checks themselves can fail: kernels with a planted fault are caught.
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "../../src/backends/reference.js";
import type { Backend, Kernel, Operand } from "../../src/tensor/backend.js";
import { type Case, declaredCases } from "./cases.js";
import { checkForward } from "./forward-check.js";
import { checkAccumulation, checkGradient } from "./gradient-check.js";

type AnyKernel = Kernel<Record<string, unknown>>;
type Call = (inputs: readonly (Operand | null)[], outputs: readonly Operand[], run: () => void) => void;

/** The reference backend with `fault` around the kernel of one op. */
function faulty(op: string, fault: Call): Backend {
  const backend = createReferenceBackend();
  const sound = (backend.kernels as unknown as Record<string, AnyKernel>)[op];
  const kernel: AnyKernel = (inputs, outputs, params) => fault(inputs, outputs, () => sound(inputs, outputs, params));
  return { ...backend, kernels: { ...backend.kernels, [op]: kernel } };
}

/** The bytes of a tensor and those around it. */
function bytesAt(t: Operand, from: number, to: number): Uint8Array {
  return (t.storage.buffer as unknown as { bytes: Uint8Array }).bytes.subarray(t.byteOffset + from, t.byteOffset + to);
}
const first = (op: Parameters<typeof declaredCases>[0]): Case => declaredCases(op)[0];

describe("the forward check", () => {
  it("passes a sound kernel", async () => {
    await checkForward(
      faulty("glu", (_, __, run) => run()),
      first("glu"),
    );
  });

  it.each<[string, Call]>([
    [
      "a byte written past the end",
      (_, [y], run) => {
        run();
        bytesAt(y, y.sizeBytes, y.sizeBytes + 1)[0] = 0;
      },
    ],
    [
      "a byte written before the start",
      (_, [y], run) => {
        run();
        bytesAt(y, -1, 0)[0] = 0;
      },
    ],
    [
      "an input written to",
      ([x], _, run) => {
        run();
        bytesAt(x as Operand, 0, 1)[0] ^= 1;
      },
    ],
    [
      "the last element left as it was",
      (_, [y], run) => {
        const before = bytesAt(y, y.sizeBytes - 4, y.sizeBytes).slice();
        run();
        bytesAt(y, y.sizeBytes - 4, y.sizeBytes).set(before);
      },
    ],
    [
      "one element five percent off",
      (_, [y], run) => {
        run();
        scaleElement(y, 0, 1.05);
      },
    ],
  ])("catches %s", async (_, fault) => {
    await expect(checkForward(faulty("glu", fault), first("glu"))).rejects.toThrow();
  });

  it("catches an accumulating kernel that overwrites", async () => {
    const accumulating = declaredCases("columnSum").find((c) => c.params.accumulate) as Case;
    const overwriting = faulty("columnSum", (_, [y], run) => {
      bytesAt(y, 0, y.sizeBytes).fill(0);
      run();
    });
    await expect(checkForward(overwriting, accumulating)).rejects.toThrow();
  });
});

describe("the gradient checks", () => {
  it.each<[string, Call]>([
    [
      "a gradient one percent too large",
      (_, [dx], run) => {
        run();
        for (let i = 0; i < dx.size; i++) scaleElement(dx, i, 1.01);
      },
    ],
    [
      "one wrong entry",
      (_, [dx], run) => {
        run();
        scaleElement(dx, dx.size - 1, -1);
      },
    ],
  ])("catch %s", async (_, fault) => {
    await expect(checkGradient(faulty("gluBackward", fault), first("glu"))).rejects.toThrow();
  });

  it("catch a rule that adds where it should start", async () => {
    const doubling = faulty("embeddingBackward", (_, [dTable], run) => {
      run();
      for (let i = 0; i < dTable.size; i++) scaleElement(dTable, i, 1.5);
    });
    await expect(checkAccumulation(doubling, first("embedding"))).rejects.toThrow();
  });
});

function scaleElement(t: Operand, index: number, factor: number): void {
  const bytes = bytesAt(t, 4 * index, 4 * index + 4);
  const value = new DataView(bytes.buffer, bytes.byteOffset, 4);
  value.setFloat32(0, value.getFloat32(0, true) * factor, true);
}
