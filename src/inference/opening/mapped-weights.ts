// Stored tensors of a checkpoint where they lie: in mapped files, read in place. On a device that maps no files, and
// where a file keeps them in another order, they are read and written to the device.
import type { TensorSource } from "../../checkpoint/index.js";
import { CheckpointError } from "../../errors.js";
import type { WeightSource } from "../../models/stored-weights.js";
import { type Device, defaultDevice } from "../../tensor/device.js";
import type { DType } from "../../tensor/dtype.js";
import { adviseMapped, bytesAs, fromBytes, keep, mapFile, scope } from "../../tensor/engine.js";
import type { Tensor } from "../../tensor/tensor.js";
import { WatchedFiles } from "./watched-files.js";

/** Weights in mapped files. `close` ends the mappings but for tensors still in use, whose files stay watched. */
export interface MappedWeights extends WeightSource {
  readonly files: WatchedFiles;
  close(): void;
}

/** The tensors of `source`, whose files stay as they are meanwhile. */
export function mappedWeights(source: TensorSource, device: Device = defaultDevice()): MappedWeights {
  const files = new Map<string, Tensor>();
  const watched = new WatchedFiles();
  const fileOf = (path: string): Tensor => {
    let file = files.get(path);
    if (!file) files.set(path, (file = keep(mapFile(path, watched.add(path), device))));
    return file;
  };
  const mapped = (name: string): Tensor | null => {
    const place = device.backend.files ? source.placement(name) : null;
    if (!place) return null;
    const file = fileOf(place.path);
    if (place.byteOffset + place.sizeBytes > file.size)
      throw new CheckpointError(
        `${place.path}: tensor ${name} should end at byte ${place.byteOffset + place.sizeBytes}, the file has ` +
          `${file.size}: it is truncated`,
      );
    return bytesAs(file, place.byteOffset, place.shape, place.dtype as DType);
  };
  return {
    files: watched,
    names: source.names,
    info: (name) => (source.has(name) ? source.info(name) : undefined),
    async open(name) {
      const inFile = mapped(name);
      if (inFile) return keep(inFile);
      const { data, shape, dtype } = await source.read(name);
      return keep(fromBytes(data, shape, dtype as DType, device));
    },
    done(name) {
      scope(() => {
        const tensor = mapped(name);
        if (tensor) adviseMapped(tensor, "drop");
      });
    },
    close() {
      for (const [path, file] of files) {
        if (!file.storage.isShared) watched.remove(path);
        file.dispose();
      }
      files.clear();
    },
  };
}
