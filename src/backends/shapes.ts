// A backend without memory and without arithmetic: every op allocates what it would and computes nothing.
// Running a program on it is how memory and work are planned: the pool and the meter count as they would on a real
// device.
import type { Backend } from "../tensor/backend.js";
import { Device } from "../tensor/device.js";
import { type CompleteBackend, type KernelTable, ops } from "../tensor/ops/index.js";

/** Tensors of any size for free; every read gives zeros. Weights are packed where `device` would pack them. */
export function createShapesBackend(device?: Backend): CompleteBackend {
  const packer = device?.packer;
  const kernels = Object.fromEntries(Object.keys(ops).map((name) => [name, () => {}])) as unknown as KernelTable;
  return {
    name: "shapes",
    description: "shapes alone, nothing is computed",
    kernels,
    packer: packer && {
      partRows: packer.partRows,
      accepts: (weights) => packer.accepts(weights),
      packedBytes: (weights) => packer.packedBytes(weights),
      pack: () => {},
    },
    allocate: (sizeBytes) => ({ sizeBytes }),
    release: () => {},
    write: () => {},
    copy: () => {},
    read: async (_buffer, _offset, sizeBytes) => new Uint8Array(sizeBytes),
  };
}

/** A device of shapes that plans for `device`; its meters and memory are its own. */
export const createShapesDevice = (device?: Device): Device => new Device(createShapesBackend(device?.backend));
