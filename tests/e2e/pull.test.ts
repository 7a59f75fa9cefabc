// `luciole pull` from outside, against a hub on this machine: what it brings, from where, and what it leaves when it is
// stopped.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { commitOf, gitOid, sha256 } from "../hub/hub-server.js";
import {
  headOf,
  LARGE,
  oneLine,
  type PullAnswer,
  PullingPlace,
  REPOSITORIES,
  SMALL,
  WEIGHTS,
} from "../hub/pulling-place.js";
import { start } from "./command.js";

vi.setConfig({ testTimeout: 120_000 });
const place = new PullingPlace();

const paths = ({ files }: PullAnswer) => files.map(({ path }) => path).sort();

/** Waits until so much of a file lies in the cache. */
async function until(file: string, bytes: number): Promise<void> {
  while ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < bytes)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("a fresh pull", () => {
  test("brings what a model is loaded from, and no duplicate of its weights", async () => {
    const answer = await place.pulled(["org/tiny"]);
    const { fetchedBytes, totalBytes } = answer;
    expect(paths(answer)).toEqual([
      "chat_template.jinja",
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    for (const path of ["config.json", "model.safetensors", "chat_template.jinja"]) {
      expect(readFileSync(place.inSnapshot("org/tiny", path)).equals(REPOSITORIES["org/tiny"].files[path])).toBe(true);
    }
    // The chat template's content is that of the tokenizer's configuration: one blob.
    expect(fetchedBytes).toBe(totalBytes - 2);
    expect(place.hub.sentBytes).toBe(fetchedBytes);
  });
  test("lies as Hugging Face's cache does: blobs by checksum, relative links, refs", async () => {
    await place.pulled(["org/tiny"]);
    const at = place.cacheOf("org/tiny");
    expect(readFileSync(join(at, "refs", "main"), "utf8")).toBe(headOf("org/tiny"));
    expect(readdirSync(join(at, "blobs")).sort()).toEqual(
      [...Object.values(SMALL).map(gitOid), sha256(WEIGHTS)].sort(),
    );
    expect(readlinkSync(place.inSnapshot("org/tiny", "model.safetensors"))).toBe(`../../blobs/${sha256(WEIGHTS)}`);
    expect(readlinkSync(place.inSnapshot("org/tiny", "config.json"))).toBe(
      `../../blobs/${gitOid(SMALL["config.json"])}`,
    );
    expect(existsSync(join(place.home, "hub", ".locks", "models--org--tiny", "luciole.lock"))).toBe(false);
  });
  test("says on standard output, without a terminal, what came and where it lies", async () => {
    const { code, stdout } = await place.pull(["org/tiny"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/✓ model\.safetensors {2}67,240 B/);
    expect(stdout).toContain(join(place.cacheOf("org/tiny"), "snapshots", headOf("org/tiny")));
    expect(stdout).not.toContain("\x1b");
  });
  test(
    "is checked by its header: a model that cannot be run is named with the reason, one that can with how " +
      "to ask it",
    async () => {
      const sound = await place.pull(["org/tiny"]);
      expect(sound.stdout).toMatch(/^Ask it: .*luciole run org\/tiny "…"$/m);
      expect(sound.stderr).not.toContain("cannot be run");
      const noise = await place.pull(["org/gguf:Q8_0"]);
      expect(noise.code).toBe(0);
      expect(noise.stderr).toMatch(/^warning: m-Q8_0\.gguf cannot be run here: does not begin with GGUF/m);
      expect(noise.stdout).not.toContain("Ask it");
      expect((await place.pulled(["org/gguf:Q8_0"])).problems).toEqual([
        expect.stringContaining("m-Q8_0.gguf cannot be run here"),
      ]);
    },
  );
  test("can be used by its name from then on", async () => {
    await place.pulled(["org/tiny"]);
    const inspected = await place.inspect("org/tiny");
    expect(JSON.parse(inspected.stdout)).toMatchObject({ architecture: "qwen2", stored: { tensors: 26 } });
    const unknown = await place.inspect("org/other");
    expect(unknown.code).toBe(2);
    expect(oneLine(unknown)).toMatch(/luciole pull org\/other/);
  });
});

describe("what is there already", () => {
  test("is not fetched again, nor is anything written", async () => {
    await place.pulled(["org/tiny"]);
    rmSync(join(place.home, "hub", ".locks"), { recursive: true });
    place.hub.forget();
    const { code, stdout } = await place.pull(["org/tiny"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/org\/tiny: 5 files, .*already complete/);
    expect(place.hub.seen.every(({ path }) => path.startsWith("/api/"))).toBe(true);
    expect(existsSync(join(place.home, "hub", ".locks"))).toBe(false);
  });
  test("is fetched again when its size is wrong, or with --verify its checksum", async () => {
    await place.pulled(["org/tiny"]);
    writeFileSync(place.blobOf("org/tiny", "config.json"), "short");
    writeFileSync(place.blobOf("org/tiny", "model.safetensors"), Buffer.alloc(WEIGHTS.length));
    const first = await place.pulled(["org/tiny"]);
    expect(first.stderr).toMatch(/config\.json: the file in the cache is damaged \(5 of 777 bytes\); removed/);
    expect(readFileSync(place.inSnapshot("org/tiny", "model.safetensors")).equals(WEIGHTS)).toBe(false);
    const second = await place.pulled(["org/tiny", "--verify"]);
    expect(second.stderr).toMatch(/model\.safetensors: the file in the cache is damaged \(checksum\); removed/);
    expect(second.fetchedBytes).toBe(WEIGHTS.length);
    expect(readFileSync(place.inSnapshot("org/tiny", "model.safetensors")).equals(WEIGHTS)).toBe(true);
  });
  test("serves another revision with the same content", async () => {
    await place.pulled(["org/tiny"]);
    place.hub.forget();
    const { files } = await place.pulled(["org/tiny@older/one"]);
    expect(files.filter(({ fetched }) => fetched)).toMatchObject([{ path: "model.safetensors", sizeBytes: 500 }]);
  });
});

describe("an interrupted pull", () => {
  const partial = () => `${place.blobOf("org/large", "model.safetensors")}.incomplete`;
  /** A pull that has brought so much of the weights, and waits for more. */
  const startPartly = async () => {
    place.hub.faults.push({ path: /^cdn:/, stallAfter: 700_000 });
    const running = start(["pull", "org/large"], { env: place.environment() });
    await until(partial(), 700_000);
    return running;
  };
  test("killed in the middle keeps what came, and the next one fetches the rest alone", async () => {
    const { child, ended } = await startPartly();
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(join(place.cacheOf("org/large"), "refs", "main"))).toBe(false);
    place.hub.forget();
    const { fetchedBytes } = await place.pulled(["org/large"]);
    expect(fetchedBytes).toBe(LARGE.length - 700_000);
    expect(place.hub.sentBytes).toBe(LARGE.length - 700_000);
    expect(place.hub.seen.find(({ server }) => server === "cdn")?.headers.range).toBe("bytes=700000-");
    expect(readFileSync(place.inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
    expect(existsSync(partial())).toBe(false);
  });
  test("by Ctrl-C ends with 130, keeps what came and says how to go on", async () => {
    const { child, ended } = await startPartly();
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toBe("Stopped. Everything received so far is kept. Resume with: npx luciole pull org/large\n");
    expect(statSync(partial()).size).toBe(700_000);
    expect(existsSync(join(place.home, "hub", ".locks", "models--org--large", "luciole.lock"))).toBe(false);
  });
  test("is not joined by a second one", async () => {
    const { child, ended } = await startPartly();
    const second = await place.pull(["org/large"]);
    child.kill("SIGKILL");
    await ended;
    expect(second.code).toBe(1);
    expect(oneLine(second)).toMatch(new RegExp(`process ${child.pid} on .* is already pulling this repository`));
  });
  test("whose first part was damaged meanwhile says so and begins anew", async () => {
    mkdirSync(join(place.cacheOf("org/large"), "blobs"), { recursive: true });
    writeFileSync(partial(), Buffer.alloc(1_000_000));
    const { stderr } = await place.pulled(["org/large"]);
    expect(stderr).toMatch(
      /model\.safetensors: expected the checksum .*; the damaged file was removed and is downloaded again/,
    );
    expect(readFileSync(place.inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
  });
});

test("a mirror, whatever its path, is the only place that is asked", async () => {
  await place.pulled(["org/tiny"], { HF_ENDPOINT: `${place.hub.url}/mirror/` });
  const asked = place.hub.seen.filter(({ server }) => server === "hub").map(({ path }) => path);
  expect(asked.filter((path) => !path.startsWith("/mirror/"))).toEqual([]);
  expect(asked.filter((path) => path.includes("/tree/"))).toHaveLength(3);
  expect(readFileSync(place.inSnapshot("org/tiny", "model.safetensors")).equals(WEIGHTS)).toBe(true);
});

describe("offline", () => {
  const offline = { HF_HUB_OFFLINE: "1" };
  test("a pulled model is found without one request", async () => {
    const before = await place.pulled(["org/tiny"]);
    place.hub.forget();
    const { folder: at, files, fetchedBytes } = await place.pulled(["org/tiny"], offline);
    expect({ at, fetchedBytes, numFiles: files.length }).toEqual({
      at: before.folder,
      fetchedBytes: 0,
      numFiles: before.files.length,
    });
    expect(place.hub.seen).toEqual([]);
  });
  test("a part of a model says what is missing", async () => {
    await place.pulled(["org/tiny", "--include", "*.json"]);
    expect(oneLine(await place.pull(["org/tiny"], offline))).toMatch(
      /in the cache without \*\.safetensors and HF_HUB_OFFLINE is set/,
    );
    expect(oneLine(await place.inspect("org/tiny"))).toMatch(
      /only partly pulled, \*\.safetensors missing; continue with: npx luciole pull/,
    );
  });
});

describe("what to bring is said by", () => {
  test("patterns, which may be repeated", async () => {
    expect(paths(await place.pulled(["org/tiny", "--include", "token*.json", "--include", "README.md"]))).toEqual([
      "README.md",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(paths(await place.pulled(["org/gguf", "--include", "*Q4_K_M.gguf"]))).toEqual(["m-Q4_K_M.gguf"]);
  });
  test("the type of a GGUF file, in any letter case, with all its parts", async () => {
    expect(paths(await place.pulled(["org/gguf:q4_k_m"]))).toEqual(["m-Q4_K_M.gguf"]);
    expect(paths(await place.pulled(["org/gguf:F16"]))).toEqual([
      "m-F16-00001-of-00002.gguf",
      "m-F16-00002-of-00002.gguf",
    ]);
  });
  test("the list that is shown when a repository has many GGUF files and none was asked for", async () => {
    const { code, stdout, stderr } = await place.pull(["org/gguf"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    const lines = stderr.trimEnd().split("\n");
    expect(lines.slice(0, 3).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["Q4_K_M", "4,000 B", "m-Q4_K_M.gguf"],
      ["Q8_0", "8,000 B", "m-Q8_0.gguf"],
      ["F16", "16,000 B", "m-F16-00001-of-00002.gguf, 2 parts"],
    ]);
    expect(lines[3]).toBe(
      "error: org/gguf has 3 GGUF models; choose one, for example: npx luciole pull org/gguf:Q4_K_M",
    );
    expect(place.hub.sentBytes).toBe(0);
  });
  test("a revision, as a branch or a commit, which is remembered", async () => {
    const older = REPOSITORIES["org/tiny"].branches?.["older/one"] ?? {};
    const { commit: byBranch } = await place.pulled(["org/tiny", "--revision", "older/one"]);
    expect(byBranch).toBe(commitOf(older));
    expect(readFileSync(join(place.cacheOf("org/tiny"), "refs", "older", "one"), "utf8")).toBe(byBranch);
    expect((await place.pulled([`https://huggingface.co/org/tiny@${byBranch}`], { HF_HUB_OFFLINE: "1" })).commit).toBe(
      byBranch,
    );
    expect((await place.pulled([`org/tiny@${headOf("org/tiny")}`])).commit).toBe(headOf("org/tiny"));
    expect(existsSync(join(place.cacheOf("org/tiny"), "refs", "main"))).toBe(false);
  });
});
