// `luciole convert` from outside: to GGUF and back, what it reports, and that a failure leaves nothing behind.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createByteTokenizer } from "../../src/tokenizer/byte-tokenizer.js";
import { createTokenizer } from "../../src/tokenizer/create-tokenizer.js";
import { loadTokenizer, saveTokenizer } from "../../src/tokenizer/tokenizer-files.js";
import { goldenPath, readModel } from "../parity/golden-case.js";
import { luciole, temporaryFolder } from "./command.js";

vi.setConfig({ testTimeout: 240_000 });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

// The golden model has 64 tokens: the first 62 bytes and two of its own.
beforeAll(() => {
  cpSync(goldenPath("cases/qwen2-untied"), at("model"), { recursive: true });
  const json = createByteTokenizer({ bos: "<bos>", eos: "<eos>" }).toJSON();
  const vocab = Object.fromEntries(
    Object.entries(json.model.vocab as Record<string, number>).filter(([, id]) => id < 62),
  );
  const added = (json.added_tokens ?? []).map((token, i) => ({ ...token, id: 62 + i }));
  saveTokenizer(
    createTokenizer({ ...json, added_tokens: added, post_processor: null, model: { ...json.model, vocab } }),
    at("model"),
  );
});

test("a model goes to GGUF and comes back with its weights and tokenizer", async () => {
  const there = await luciole(["convert", at("model"), at("model.gguf"), "--type", "f32", "--json"]);
  expect(there.stderr).toBe("");
  const result = JSON.parse(there.stdout);
  expect(result).toMatchObject({ type: "f32", bytes: readFileSync(at("model.gguf")).length });
  expect(result.tensors[0]).toEqual({
    name: "token_embd.weight",
    from: "f32",
    to: "f32",
    shape: [64, 32],
    relativeRms: 0,
    worst: 0,
  });
  const back = await luciole(["convert", at("model.gguf"), at("back"), "--type", "f32"]);
  expect(back.stdout).toContain("27 tensors, 27 of them without loss");
  expect((await readModel(at("back"))).weights).toEqual((await readModel(at("model"))).weights);
  expect(loadTokenizer(at("back")).encode("+-*/")).toEqual(loadTokenizer(at("model")).encode("+-*/"));
});

test(
  "a quantised model is told with its types and largest errors, " + "on request with the error of every tensor",
  async () => {
    const { stdout } = await luciole(["convert", at("model"), at("small.gguf"), "--type", "q8_0"]);
    expect(stdout).toMatch(/^largest errors +type +shape/);
    expect(stdout).toMatch(/and \d+ more with smaller errors \(--tensors lists all\)/);
    expect(stdout).toMatch(/^types: \d+ q8_0, \d+ f32/m);
    const { stdout: all } = await luciole(["convert", at("model"), at("small-2.gguf"), "--type", "q8_0", "--tensors"]);
    expect(all).toMatch(/^blk\.1\.ffn_up\.weight +f32 to q8_0 +\d+ x 32 +0\.\d+% +0\.\d+%$/m);
  },
);

test("tensors that fell back to another type are announced", async () => {
  const { stdout, stderr } = await luciole(["convert", at("model"), at("k.gguf"), "--type", "q4_k"]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(
    /^\d+ tensors fell back from q4_k to \w+(, \w+)*: their row width \([\d, ]+\) is not a multiple of the q4_k block size$/m,
  );
});

test("an embedding that keeps q8_0 beside smaller types has not fallen back", async () => {
  const { stdout } = await luciole(["convert", at("model"), at("small-3.gguf"), "--type", "q5_1"]);
  expect(stdout).toMatch(/^types: .*\d+ q5_1/m);
  expect(stdout).toMatch(/^types: .*\d+ q8_0/m);
  expect(stdout).toContain(
    "2 tensors fell back from q5_1 to f16: their row width (40) is not a multiple of the q5_1 block size",
  );
});

test("the kernels store the bytes that plain TypeScript stores", async () => {
  const convert = (name: string, type: string, backend: string) =>
    luciole(["convert", at("model"), at(name), "--type", type, "--backend", backend]);
  await Promise.all(
    ["native", "reference"].flatMap((each) => [
      convert(`${each}.gguf`, "q4_0", each),
      convert(`${each}-fp8`, "e4m3", each),
    ]),
  );
  for (const file of [".gguf", "-fp8/model.safetensors"])
    expect(readFileSync(at(`native${file}`)).equals(readFileSync(at(`reference${file}`)))).toBe(true);
});

test("what is there already is not written over, and what fails leaves nothing", async () => {
  expect(await luciole(["convert", at("model"), at("model")])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("already exists; remove it or choose another name"),
  });
  expect(await luciole(["convert", at("model"), at("x.gguf"), "--type", "q2_k"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("this type can be read but not written; choose f32"),
  });
  expect(await luciole(["convert", at("model"), at("x.gguf"), "--type", "Q4_K_M"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('unknown type Q4_K_M, did you mean "q4_k"?; choose f32'),
  });
  expect(await luciole(["convert", at("model"), at("x.gguf"), "--type", "e4m3"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("cannot hold FP8"),
  });
  rmSync(at("model/tokenizer.json"));
  expect(await luciole(["convert", at("model"), at("x.gguf")])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("has no tokenizer.json"),
  });
  expect(existsSync(at("x.gguf"))).toBe(false);
  expect(readdirSync(folder.path).filter((name) => name.includes("tmp"))).toEqual([]);
});
