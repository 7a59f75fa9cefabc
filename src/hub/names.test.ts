// Names: what is taken for one, and what may become part of a path.
import { expect, test } from "vitest";
import { ConfigError } from "../errors.js";
import { formatModelName, isSafePath, modelNameOf, parseModelName, quoted } from "./names.js";

test.each([
  ["org/name", "org/name", null, null],
  ["gpt2", "gpt2", null, null],
  ["org/name-1.5B@v1.0", "org/name-1.5B", "v1.0", null],
  ["org/name@refs/pr/3:Q4_K_M", "org/name", "refs/pr/3", "Q4_K_M"],
  ["org/name:some-file-Q8_0.gguf", "org/name", null, "some-file-Q8_0.gguf"],
  ["hf.co/org/name:Q4_K_M", "org/name", null, "Q4_K_M"],
  ["https://huggingface.co/org/name", "org/name", null, null],
])("%s is a model's name", (text, repo, revision, choice) => {
  expect(parseModelName(text)).toEqual({ repo, revision, choice });
  expect(parseModelName(formatModelName(modelNameOf(text)))).toEqual({ repo, revision, choice });
});

test.each([
  "",
  "a/b/c",
  "../secret",
  "org/..",
  "/etc/passwd",
  "org/a--b",
  "org/a..b",
  "org/.hidden",
  "org/name.git",
  "org/name@../../x",
  "org/name@",
  "org/na me",
  "C:\\x",
  "x".repeat(97),
])("%j is none", (text) => {
  expect(parseModelName(text)).toBeNull();
  expect(() => modelNameOf(text)).toThrow(ConfigError);
});

test("only paths that stay below their folder, on every system, are safe", () => {
  expect(["config.json", "a/b/c.txt", "a..b", ".gitattributes"].every(isSafePath)).toBe(true);
  expect(
    ["", "..", "a/../b", "/a", "a//b", "a/", "a\\b", "C:a", "a\0b", "a\nb", "a/./b", "x".repeat(1025), 3, null].some(
      isSafePath,
    ),
  ).toBe(false);
});

test("foreign text in a message holds nothing that a terminal obeys", () => {
  expect(quoted("\x1b[2Jgone\n")).toBe('"?[2Jgone?"');
});
