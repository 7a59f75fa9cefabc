// What `luciole/checkpoint` offers: safetensors, Hugging Face configurations and checkpoints that survive a crash.
export { verifyChecksums } from "./checksums.js";
export {
  type ConversionListener,
  type ConversionOptions,
  type ConversionSource,
  type ConvertedTensor,
  convertToGguf,
  convertToHuggingFace,
} from "./convert-model.js";
export { type FileSystem, machineFileSystem } from "./file-system.js";
export type { FileDigest } from "./file-writer.js";
export { type GgufFile, openGguf } from "./gguf.js";
export type { GgufNumbers } from "./gguf-cursor.js";
export { describeGguf, type GgufDescription } from "./gguf-description.js";
export { type GgufFacts, readGgufFacts } from "./gguf-facts.js";
export type { GgufTensor } from "./gguf-header.js";
export type { GgufMetadata, GgufValue } from "./gguf-metadata.js";
export { type GgufModel, openGgufModel } from "./gguf-model.js";
export type { GgufNumberType, GgufTensorType, GgufValueType } from "./gguf-types.js";
export { type GgufSetting, type GgufWritable, writeGguf } from "./gguf-writer.js";
export {
  blockLayout,
  type FilePlacement,
  float32Values,
  type HostDtype,
  type HostTensor,
  hostTensor,
  readAllTensors,
  type TensorInfo,
  type TensorSource,
  tensorSizeBytes,
  type WritableTensor,
} from "./host-tensor.js";
export { readJsonObject } from "./json-file.js";
export {
  isAdapterDirectory,
  type ModelDirectory,
  type ModelDirectoryContents,
  openModelDirectory,
  writeModelDirectory,
} from "./model-directory.js";
export {
  openModelTensors,
  openSafetensors,
  openShardedSafetensors,
  type WriteSafetensorsOptions,
  writeSafetensors,
} from "./safetensors.js";
export {
  type CheckpointContents,
  CheckpointStore,
  type CheckpointStoreOptions,
  type LoadedCheckpoint,
  listSteps,
  loadLatest,
} from "./store.js";
export { storedValues, weightNames } from "./stored-values.js";
export type { Segment, TextList } from "./text-list.js";
export type { JsonObject, JsonValue, TrainerState } from "./trainer-state.js";
export { type NumberEncoder, type StorageError, TARGET_TYPES, type TargetType } from "./weight-encoder.js";
