// Which files a pull takes, by default, by patterns and by the type of a GGUF file.
import { describe, expect, test } from "vitest";
import { defaultFiles, ggufChoices, ggufOf, matchingFiles, suggestedGguf } from "./selection.js";

const named = (...paths: string[]) => paths.map((path, i) => ({ path, sizeBytes: 100 + i }));
const paths = (files: readonly { path: string }[]) => files.map(({ path }) => path);

describe("by default", () => {
  test("shards, index, configuration, tokenizer and template are taken, and nothing that says the same again", () => {
    const wanted = [
      "config.json",
      "generation_config.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ];
    const beside = [
      "tokenizer.json",
      "tokenizer_config.json",
      "special_tokens_map.json",
      "vocab.json",
      "merges.txt",
      "chat_template.jinja",
    ];
    const others = [
      "README.md",
      "pytorch_model.bin",
      "consolidated.safetensors",
      "onnx/model.onnx",
      "original/model.safetensors",
      "figures/a.png",
      "modeling.py",
    ];
    expect(paths(defaultFiles(named(...others, ...wanted, ...beside))).sort()).toEqual([...wanted, ...beside].sort());
  });
  test("safetensors under other names are taken where there are no others", () => {
    expect(paths(defaultFiles(named("config.json", "weights.safetensors")))).toEqual([
      "config.json",
      "weights.safetensors",
    ]);
  });
  test("nothing is taken without safetensors", () => {
    expect(defaultFiles(named("config.json", "model.gguf"))).toEqual([]);
  });
});

describe("patterns", () => {
  const files = named("config.json", "sub/a-Q4_K_M.gguf", "a-Q8_0.gguf", "a+b(c).txt");
  test.each([
    ["*Q4_K_M.gguf", ["sub/a-Q4_K_M.gguf"]],
    ["*.gguf", ["sub/a-Q4_K_M.gguf", "a-Q8_0.gguf"]],
    ["sub/", ["sub/a-Q4_K_M.gguf"]],
    ["config.????", ["config.json"]],
    ["a-Q[0-9]_0.gguf", ["a-Q8_0.gguf"]],
    ["a-Q[!0-7]_0.gguf", ["a-Q8_0.gguf"]],
    ["a+b(c).txt", ["a+b(c).txt"]],
  ])("%s", (pattern, expected) => {
    expect(paths(matchingFiles(files, [pattern]))).toEqual(expected);
  });
  test("match whole names", () => {
    expect(() => matchingFiles(files, ["config"])).toThrow(/no file matches "config"; available: config\.json/);
  });
  test("with many stars take no more than a moment", () => {
    const startedMs = performance.now();
    expect(() => matchingFiles(named("a".repeat(1000)), [`${"*".repeat(200)}b`])).toThrow();
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
});

describe("GGUF models", () => {
  test("are told apart by their type, however it is written, with all parts of a split one", () => {
    const files = named(
      "R1-Q4_K_M.gguf",
      "r1.q8_0.gguf",
      "UD-IQ1_S/R1-UD-IQ1_S-00002-of-00002.gguf",
      "UD-IQ1_S/R1-UD-IQ1_S-00001-of-00002.gguf",
      "BF16/R1-BF16.gguf",
      "plain.gguf",
      "mmproj-F16.gguf",
    );
    const choices = ggufChoices(files);
    expect(choices.map(({ label }) => label).sort()).toEqual(["BF16", "Q4_K_M", "Q8_0", "UD-IQ1_S", "plain"]);
    const split = ggufOf(choices, "ud-iq1_s", "org/name");
    expect(paths(split.files)).toEqual([
      "UD-IQ1_S/R1-UD-IQ1_S-00001-of-00002.gguf",
      "UD-IQ1_S/R1-UD-IQ1_S-00002-of-00002.gguf",
    ]);
    expect(split.sizeBytes).toBe(205);
  });
  test("are found by their file name too", () => {
    expect(ggufOf(ggufChoices(named("a-Q8_0.gguf", "b-Q8_0.gguf")), "b-Q8_0.gguf", "org/name").files[0].path).toBe(
      "b-Q8_0.gguf",
    );
  });
  test("of one type twice are not guessed between", () => {
    expect(() => ggufOf(ggufChoices(named("a-Q8_0.gguf", "b-Q8_0.gguf")), "Q8_0", "org/name")).toThrow(
      /several GGUF files "Q8_0"; choose one by name: a-Q8_0\.gguf, b-Q8_0\.gguf/,
    );
  });
  test("are recommended small and good first", () => {
    expect(suggestedGguf(ggufChoices(named("a-Q2_K.gguf", "a-Q8_0.gguf", "a-Q4_K_M.gguf")))).toBe("Q4_K_M");
    expect(suggestedGguf(ggufChoices(named("a-Q2_K.gguf", "a-Q3_K_M.gguf")))).toBe("Q2_K");
  });
});
