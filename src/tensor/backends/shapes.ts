// A backend without memory and without arithmetic: every op allocates what it would and computes nothing.
// Running a program on it is how memory and work are planned: the pool and the meter count as they would on a real device.
import type { Backend } from "../backend.js";
import { currentBackend, meter, useBackend } from "../engine.js";
import { type KernelTable, ops } from "../ops/index.js";

/** Tensors of any size for free; every read gives zeros. Weights are packed where `device` would pack them. */
export function createShapesBackend(device?: Backend): Backend {
  const packer = device?.packer;
  const kernels = Object.fromEntries(Object.keys(ops).map((name) => [name, () => {}])) as unknown as KernelTable;
  return {
    name: "shapes",
    description: "shapes alone, nothing is computed",
    kernels,
    packer: packer && { accepts: (weights) => packer.accepts(weights), packedBytes: (weights) => packer.packedBytes(weights), pack: () => {} },
    allocate: (sizeBytes) => ({ sizeBytes }),
    release: () => {},
    write: () => {},
    read: async (_buffer, _offset, sizeBytes) => new Uint8Array(sizeBytes),
  };
}

/**
 * Runs `body` on shapes alone and puts the device back (with a fresh pool: plan before the run's own tensors are made).
 * Work planned is not work done: the meter ends where it began.
 */
export async function onShapes<R>(body: () => Promise<R>): Promise<R> {
  const device = currentBackend();
  const { flops, bytes, calls } = meter;
  useBackend(createShapesBackend(device));
  try {
    return await body();
  } finally {
    useBackend(device);
    Object.assign(meter, { flops, bytes, calls });
  }
}
