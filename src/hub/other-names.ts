// Names that people bring from elsewhere: Ollama's, and files of formats that are not read. Says what to use in their
// place.

/**
 * Ollama's models that run here, by their names there: repositories on Hugging Face. `latest` is what the bare name
 * means to Ollama.
 */
const OLLAMA: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "deepseek-r1": {
    latest: "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B",
    "1.5b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
    "7b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
    "8b": "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B",
    "14b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B",
    "32b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
    "70b": "deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
    "671b": "deepseek-ai/DeepSeek-R1-0528",
  },
  "deepseek-v2": {
    latest: "deepseek-ai/DeepSeek-V2-Lite-Chat",
    "16b": "deepseek-ai/DeepSeek-V2-Lite-Chat",
    "236b": "deepseek-ai/DeepSeek-V2-Chat",
  },
  "deepseek-v3": { latest: "deepseek-ai/DeepSeek-V3", "671b": "deepseek-ai/DeepSeek-V3" },
  qwen3: {
    latest: "Qwen/Qwen3-8B",
    "0.6b": "Qwen/Qwen3-0.6B",
    "1.7b": "Qwen/Qwen3-1.7B",
    "4b": "Qwen/Qwen3-4B",
    "8b": "Qwen/Qwen3-8B",
    "14b": "Qwen/Qwen3-14B",
    "30b": "Qwen/Qwen3-30B-A3B",
    "32b": "Qwen/Qwen3-32B",
  },
  "qwen2.5": {
    latest: "Qwen/Qwen2.5-7B-Instruct",
    "0.5b": "Qwen/Qwen2.5-0.5B-Instruct",
    "1.5b": "Qwen/Qwen2.5-1.5B-Instruct",
    "3b": "Qwen/Qwen2.5-3B-Instruct",
  },
  "llama3.2": {
    latest: "meta-llama/Llama-3.2-3B-Instruct",
    "1b": "meta-llama/Llama-3.2-1B-Instruct",
    "3b": "meta-llama/Llama-3.2-3B-Instruct",
  },
  "llama3.1": {
    latest: "meta-llama/Llama-3.1-8B-Instruct",
    "8b": "meta-llama/Llama-3.1-8B-Instruct",
    "70b": "meta-llama/Llama-3.1-70B-Instruct",
  },
  smollm2: {
    latest: "HuggingFaceTB/SmolLM2-1.7B-Instruct",
    "135m": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "360m": "HuggingFaceTB/SmolLM2-360M-Instruct",
  },
  mistral: { latest: "mistralai/Mistral-7B-Instruct-v0.3", "7b": "mistralai/Mistral-7B-Instruct-v0.3" },
};

/**
 * What to say of a name of Ollama's (`deepseek-r1:1.5b`), or undefined for a name that has not its form. `verb`: the
 * command to suggest.
 */
export function ollamaHint(name: string, verb: string): string | undefined {
  const [, model, tag = "latest"] = /^([a-z0-9][a-z0-9.-]*)(?::([\w.-]+))?$/.exec(name) ?? [];
  if (model === undefined || (!Object.hasOwn(OLLAMA, model) && !name.includes(":"))) return undefined;
  const tags = Object.hasOwn(OLLAMA, model) ? OLLAMA[model] : undefined;
  const [size] = tag.split("-");
  const repository = tags && (Object.hasOwn(tags, size) ? tags[size] : undefined);
  if (repository)
    return `${name} is a name of Ollama's; on Hugging Face this model is ${repository}: ${verb} ${repository}`;
  const known = tags ? ` (known of ${model}: ${Object.keys(tags).join(", ")})` : "";
  return (
    `${name} looks like a name of Ollama's${known}; use the model's name on Hugging Face: ${verb} ` +
    "org/name, or org/name-GGUF:Q4_K_M for one GGUF file"
  );
}

const UNREAD: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\.(bin|pt|pth|ckpt|pkl)$/i, "a PyTorch pickle, which can run arbitrary code when it is loaded"],
  [/\.onnx$/i, "an ONNX graph"],
  [/\.(h5|keras|msgpack|tflite|pb)$/i, "a TensorFlow or JAX file"],
  [/\.(mlmodel|mlpackage)$/i, "a Core ML model"],
];

/** What to say of a file in a format that is not read, or undefined. */
export function unreadFormat(path: string): string | undefined {
  const what = UNREAD.find(([pattern]) => pattern.test(path))?.[1];
  return (
    what && `${path} is ${what}; supported are a directory with config.json and .safetensors files, or a .gguf file`
  );
}
