// Pulling models and data sets from a hub into Hugging Face's cache, and finding them there.
export {
  datasetNameOf,
  formatModelName,
  isDatasetAddress,
  type ModelName,
  modelNameOf,
  parseModelName,
  type RepositoryKind,
  type RepositoryName,
} from "./names.js";
export { ollamaHint, unreadFormat } from "./other-names.js";
export { type PullEvents, type Pulled, type PullOptions, type PullRequest, pull, type ToChoose } from "./pull.js";
export { resolveDataset } from "./resolve-dataset.js";
export { isPulled, resolveModel } from "./resolve-model.js";
export { type GgufChoice, suggestedGguf } from "./selection.js";
export { type HubSettings, hubCacheFolder, hubSettings } from "./settings.js";
