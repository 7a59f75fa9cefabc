// Pulling models from a hub into Hugging Face's cache, and finding them there.
export { formatModelName, type ModelName, modelNameOf, parseModelName } from "./names.js";
export { ollamaHint, unreadFormat } from "./other-names.js";
export { type PullEvents, type Pulled, type PullOptions, type PullRequest, pull, type ToChoose } from "./pull.js";
export { isPulled, resolveModel } from "./resolve-model.js";
export { type GgufChoice, suggestedGguf } from "./selection.js";
export { type HubSettings, hubCacheFolder, hubSettings } from "./settings.js";
