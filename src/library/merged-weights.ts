// A model's stored tensors with an adapter added: W + s·B·A as f32 where there is a pair, else as they are stored.
import { storedValues, type TensorSource, weightNames } from "../checkpoint/index.js";
import type { AdapterFiles } from "../inference/opening/adapter-files.js";
import { loraScale, pairNames } from "../nn/lora.js";
import { scopeAsync, tensor } from "../tensor/engine.js";
import { addScaled } from "../tensor/ops/elementwise.js";
import { matmul } from "../tensor/ops/linear.js";

/** The tensors of `base` with those of `adapter` in them, which must fit. Closing it closes both. */
export function mergedWeights(base: TensorSource, adapter: AdapterFiles): TensorSource {
  const isMerged = (name: string): boolean => adapter.weights.has(pairNames(name).a);
  const isScaleOf = (name: string): boolean => isMerged(name.replace(/_scale_inv$/, "")) && name.endsWith("_scale_inv");
  const weights = new Set(weightNames(base));
  return {
    metadata: base.metadata,
    absent: base.absent,
    names: base.names.filter((name) => weights.has(name) || !isScaleOf(name)),
    has: (name) => base.has(name) && !isScaleOf(name),
    info(name) {
      const { shape, ...info } = base.info(name);
      if (!isMerged(name)) return { ...info, shape };
      return { ...info, shape, dtype: "f32", sizeBytes: 4 * shape.reduce((n, size) => n * size, 1) };
    },
    placement: (name) => (isMerged(name) ? null : base.placement(name)),
    read: async (name) => (isMerged(name) ? merged(base, adapter, name) : base.read(name)),
    close: async () => void (await Promise.all([base.close(), adapter.close()])),
  };
}

/** W + s·B·A, summed in f32. */
async function merged(base: TensorSource, { weights, spec }: AdapterFiles, name: string) {
  const names = pairNames(name);
  const [w, a, b] = await Promise.all([
    storedValues(base, name),
    storedValues(weights, names.a),
    storedValues(weights, names.b),
  ]);
  if (!w || !a || !b) throw new Error(`${name}: no weight or no pair`);
  const sum = await scopeAsync(async () => {
    const [base_NK, a_rK, b_Nr] = [w, a, b].map(({ values, shape }) => tensor(values, shape, "f32"));
    return addScaled(base_NK, matmul(b_Nr, a_rK), 1, loraScale(spec.lora)).bytes();
  });
  return { dtype: "f32" as const, shape: w.shape, data: sum };
}
