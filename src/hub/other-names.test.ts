// Names from elsewhere: each gets one line that says what to use here.
import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors.js";
import { ollamaHint, unreadFormat } from "./other-names.js";
import { resolveModel } from "./resolve-model.js";

describe("Ollama's names", () => {
  it.each([
    ["deepseek-r1:1.5b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"],
    ["deepseek-r1:1.5b-qwen-distill-q4_K_M", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"],
    ["deepseek-r1", "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B"],
    ["qwen3:0.6b", "Qwen/Qwen3-0.6B"],
  ])("%s is %s on Hugging Face", (name, repository) => {
    expect(ollamaHint(name, "luciole pull")).toBe(
      `${name} is a name of Ollama's; on Hugging Face this model is ${repository}: luciole pull ${repository}`,
    );
    expect(() => resolveModel(name)).toThrow(repository);
  });

  it("says how models are named here where it does not know the model or its size", () => {
    expect(ollamaHint("phi4:14b", "luciole pull")).toContain(
      "looks like a name of Ollama's; use the model's name on Hugging Face",
    );
    expect(ollamaHint("deepseek-r1:3b", "luciole pull")).toContain("known of deepseek-r1: latest, 1.5b");
    expect(() => resolveModel("phi4:14b")).toThrow(ConfigError);
  });

  it("leaves other names alone", () => {
    for (const name of ["org/name", "org/name:Q4_K_M", "gpt2", "./runs/first", "hf.co/org/name:Q8_0"])
      expect(ollamaHint(name, "pull")).toBeUndefined();
  });
});

it.each(["model.bin", "runs/x/pytorch_model.pt", "a.PTH", "m.onnx", "tf_model.h5"])(
  "%s is refused with the formats that are read",
  (path) => {
    expect(unreadFormat(path)).toContain(
      "supported are a directory with config.json and .safetensors files, or a .gguf file",
    );
    expect(() => resolveModel(path)).toThrow(ConfigError);
  },
);
