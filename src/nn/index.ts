// What `luciole/nn` offers: layers and the batches they are fed.

export type { Adapter, AdapterRows, Adapters, PairSet } from "./adapters.js";
export * from "./batch.js";
export * from "./decoder-layer.js";
export * from "./gqa.js";
export type { AdapterSpec, LoraConfig, LoraTargets } from "./lora.js";
export * from "./mla.js";
export * from "./mlp.js";
export * from "./moe.js";
export * from "./norm.js";
export * from "./paged-cache.js";
export * from "./parameter-spec.js";
export * from "./parameters.js";
export * from "./plain-weight.js";
export * from "./rope-frequencies.js";
export * from "./routed-experts.js";
export * from "./shared-prefixes.js";
export * from "./stored-weight.js";
export * from "./trains.js";
export * from "./weight.js";
