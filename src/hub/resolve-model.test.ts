// From a name to the place of a model, in caches made here by hand.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConfigError } from "../errors.js";
import { resolveModel } from "./resolve-model.js";

const cache = mkdtempSync(join(tmpdir(), "luciole-hub-"));
const env = { HF_HUB_CACHE: cache };
const COMMIT = "a".repeat(40);
const OTHER = "b".repeat(40);

function place(repo: string, commit: string, files: Record<string, string>, refs: readonly string[] = ["main"]): void {
  const folder = join(cache, `models--${repo.replace("/", "--")}`);
  for (const [path, text] of Object.entries({
    ...files,
    ...Object.fromEntries(refs.map((ref) => [`../../refs/${ref}`, commit])),
  })) {
    const file = join(folder, "snapshots", commit, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
const at = (repo: string, commit: string, ...path: string[]) =>
  join(cache, `models--${repo.replace("/", "--")}`, "snapshots", commit, ...path);
const index = JSON.stringify({
  weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" },
});

beforeAll(() => {
  place("org/whole", COMMIT, { "config.json": "{}", "model.safetensors": "" });
  place("org/whole", OTHER, { "config.json": "{}", "model.safetensors": "" }, ["v2/x"]);
  place("org/part", COMMIT, {
    "config.json": "{}",
    "model.safetensors.index.json": index,
    "model-00001-of-00002.safetensors": "",
  });
  place("org/quants", COMMIT, {
    "m-Q4_K_M.gguf": "",
    "m-Q8_0-00001-of-00002.gguf": "",
    "m-Q8_0-00002-of-00002.gguf": "",
    "m-F16-00001-of-00002.gguf": "",
  });
  place("org/single", COMMIT, { "m-Q4_K_M.gguf": "" });
  place("org/unnamed", COMMIT, { "config.json": "{}", "model.safetensors": "" }, []);
  place("org/dangling", COMMIT, { "config.json": "{}" });
  symlinkSync("../../blobs/none", at("org/dangling", COMMIT, "model.safetensors"));
});
afterAll(() => rmSync(cache, { recursive: true, force: true }));

test("a path that exists is taken as it is", () => {
  expect(resolveModel(cache, env)).toBe(cache);
});

test.each([
  ["org/whole", at("org/whole", COMMIT)],
  ["org/whole@v2/x", at("org/whole", OTHER)],
  [`org/whole@${OTHER}`, at("org/whole", OTHER)],
  ["org/quants:q4_k_m", at("org/quants", COMMIT, "m-Q4_K_M.gguf")],
  ["org/quants:Q8_0", at("org/quants", COMMIT, "m-Q8_0-00001-of-00002.gguf")],
  ["org/single", at("org/single", COMMIT, "m-Q4_K_M.gguf")],
  ["hf.co/org/single:m-Q4_K_M.gguf", at("org/single", COMMIT, "m-Q4_K_M.gguf")],
])("%s lies at %s", (name, expected) => {
  expect(resolveModel(name, env)).toBe(expected);
});

test.each([
  ["org/none", /no such directory and no such pulled model; pull it with: npx luciole pull org\/none$/],
  ["org/whole@v9", /luciole pull org\/whole@v9$/],
  ["org/unnamed", new RegExp(`luciole pull org/unnamed, or use a revision that was pulled: org/unnamed@${COMMIT}$`)],
  [
    "org/part",
    /only partly pulled, model-00002-of-00002\.safetensors missing; continue with: npx luciole pull org\/part$/,
  ],
  ["org/dangling", /only partly pulled, \*\.safetensors missing/],
  ["org/quants", /several GGUF files were pulled; choose one: org\/quants:Q4_K_M, org\/quants:Q8_0$/],
  ["org/quants:F16", /luciole pull org\/quants:F16|has no GGUF file "F16"/],
  ["org/whole:Q4_K_M", /luciole pull org\/whole:Q4_K_M$/],
  ["/nowhere", /no such directory; expected a run/],
])("%s says what to do", (name, message) => {
  expect(() => resolveModel(name, env)).toThrow(ConfigError);
  expect(() => resolveModel(name, env)).toThrow(message);
});
