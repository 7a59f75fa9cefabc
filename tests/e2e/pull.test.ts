// `luciole pull` from outside, against a hub on this machine: what it brings, what it leaves when it is stopped, and what it says when refused.
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { commitOf, gitOid, HubServer, oidOf, type Repository, sha256 } from "../hub/hub-server.js";
import { type Ended, root, start, temporaryFolder } from "./command.js";
import { inProcess } from "./in-process.js";

vi.setConfig({ testTimeout: 120_000 });

const golden = (name: string) => readFileSync(join(root, "tests", "golden", "cases", "qwen2-tied", name));
/** Bytes that are never the same twice in a file. */
const noise = (length: number, seed = 1) => {
  let state = seed;
  return Buffer.from(Uint8Array.from({ length }, () => (state = (state * 1103515245 + 12345) % 2147483648) >> 16));
};
const LARGE = noise(2_000_000);
const SMALL = { "config.json": golden("config.json"), "tokenizer.json": Buffer.from('{"a":1}'), "tokenizer_config.json": Buffer.from("{}") };
const WEIGHTS = golden("model.safetensors");
const QUANTS = {
  "m-Q4_K_M.gguf": noise(4000, 2),
  "m-Q8_0.gguf": noise(8000, 3),
  "m-F16-00001-of-00002.gguf": noise(9000, 4),
  "m-F16-00002-of-00002.gguf": noise(7000, 5),
};

const REPOSITORIES: Readonly<Record<string, Repository>> = {
  "org/tiny": {
    files: {
      ...SMALL,
      "chat_template.jinja": SMALL["tokenizer_config.json"],
      "model.safetensors": WEIGHTS,
      "README.md": Buffer.from("#"),
      "pytorch_model.bin": WEIGHTS,
      "original/model.safetensors": WEIGHTS,
    },
    branches: { "older/one": { ...SMALL, "model.safetensors": noise(500, 6) } },
  },
  "org/large": { files: { ...SMALL, "model.safetensors": LARGE } },
  "org/gguf": { files: { ...QUANTS, "README.md": Buffer.from("#"), "mmproj-F16.gguf": noise(100) } },
  "org/gated": { files: { ...SMALL, "model.safetensors": WEIGHTS }, gated: true },
  "org/private": { files: { ...SMALL, "model.safetensors": WEIGHTS }, isPrivate: true },
  "org/pickled": { files: { "config.json": SMALL["config.json"], "pytorch_model.bin": WEIGHTS } },
  "org/hostile": { files: { "config.json": SMALL["config.json"], "model.safetensors": WEIGHTS, "../../../evil.safetensors": WEIGHTS } },
};

let hub: HubServer;
const folder = temporaryFolder();
let home = "";
let numHomes = 0;
beforeAll(async () => {
  hub = await HubServer.start(REPOSITORIES);
});
afterAll(async () => {
  await hub.close();
  folder.remove();
});
beforeEach(() => {
  hub.forget();
  home = join(folder.path, `home-${numHomes++}`);
});

const environment = (more: Record<string, string> = {}) => {
  const unset = Object.fromEntries(
    ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "HTTPS_PROXY", "https_proxy"].map((name) => [name, ""]),
  );
  return { ...unset, HF_ENDPOINT: hub.url, HF_HOME: home, ...more };
};
const pull = (args: readonly string[], env?: Record<string, string>): Promise<Ended> => inProcess(["pull", ...args], environment(env));
const inspect = (name: string): Promise<Ended> => inProcess(["inspect", name, "--json"], environment());
const pulled = async (args: readonly string[], env?: Record<string, string>) => {
  const { code, stdout, stderr } = await pull([...args, "--json"], env);
  if (code !== 0) throw new Error(`pull ${args.join(" ")} ended with ${code}: ${stderr}`);
  return { ...JSON.parse(stdout), stderr };
};

const cacheOf = (repo: string) => join(home, "hub", `models--${repo.replace("/", "--")}`);
const commit = (repo: string) => commitOf(REPOSITORIES[repo].files);
const inSnapshot = (repo: string, path: string) => join(cacheOf(repo), "snapshots", commit(repo), path);
const blobOf = (repo: string, path: string) => join(cacheOf(repo), "blobs", oidOf(path, REPOSITORIES[repo].files[path]));
const oneLine = ({ stderr }: Ended): string => {
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  return stderr;
};

/** Waits until so much of a file lies in the cache. */
async function until(file: string, bytes: number): Promise<void> {
  while ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < bytes) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("a fresh pull", () => {
  test("brings what a model is loaded from, and no duplicate of its weights", async () => {
    const { files, fetchedBytes, totalBytes } = await pulled(["org/tiny"]);
    const paths = files.map(({ path }: { path: string }) => path).sort();
    expect(paths).toEqual(["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]);
    for (const path of ["config.json", "model.safetensors", "chat_template.jinja"]) {
      expect(readFileSync(inSnapshot("org/tiny", path)).equals(REPOSITORIES["org/tiny"].files[path])).toBe(true);
    }
    // The chat template's content is that of the tokenizer's configuration: one blob.
    expect(fetchedBytes).toBe(totalBytes - 2);
    expect(hub.sentBytes).toBe(fetchedBytes);
  });
  test("lies as Hugging Face's cache does: blobs by checksum, relative links, refs", async () => {
    await pulled(["org/tiny"]);
    const at = cacheOf("org/tiny");
    expect(readFileSync(join(at, "refs", "main"), "utf8")).toBe(commit("org/tiny"));
    expect(readdirSync(join(at, "blobs")).sort()).toEqual([...Object.values(SMALL).map(gitOid), sha256(WEIGHTS)].sort());
    expect(readlinkSync(inSnapshot("org/tiny", "model.safetensors"))).toBe(`../../blobs/${sha256(WEIGHTS)}`);
    expect(readlinkSync(inSnapshot("org/tiny", "config.json"))).toBe(`../../blobs/${gitOid(SMALL["config.json"])}`);
    expect(existsSync(join(home, "hub", ".locks", "models--org--tiny", "luciole.lock"))).toBe(false);
  });
  test("says on standard output, without a terminal, what came and where it lies", async () => {
    const { code, stdout } = await pull(["org/tiny"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/✓ model\.safetensors {2}67,240 B/);
    expect(stdout).toContain(join(cacheOf("org/tiny"), "snapshots", commit("org/tiny")));
    expect(stdout).not.toContain("\x1b");
  });
  test("can be used by its name from then on", async () => {
    await pulled(["org/tiny"]);
    const inspected = await inspect("org/tiny");
    expect(JSON.parse(inspected.stdout)).toMatchObject({ architecture: "qwen2", stored: { tensors: 26 } });
    const unknown = await inspect("org/other");
    expect(unknown.code).toBe(2);
    expect(oneLine(unknown)).toMatch(/luciole pull org\/other/);
  });
});

describe("what is there already", () => {
  test("is not fetched again, nor is anything written", async () => {
    await pulled(["org/tiny"]);
    rmSync(join(home, "hub", ".locks"), { recursive: true });
    hub.forget();
    const { code, stdout } = await pull(["org/tiny"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/org\/tiny: 5 files, .*all there already/);
    expect(hub.seen.every(({ path }) => path.startsWith("/api/"))).toBe(true);
    expect(existsSync(join(home, "hub", ".locks"))).toBe(false);
  });
  test("is fetched again when its size is wrong, or with --verify its checksum", async () => {
    await pulled(["org/tiny"]);
    writeFileSync(blobOf("org/tiny", "config.json"), "short");
    writeFileSync(blobOf("org/tiny", "model.safetensors"), Buffer.alloc(WEIGHTS.length));
    const first = await pulled(["org/tiny"]);
    expect(first.stderr).toMatch(/config\.json: what was in the cache is damaged \(5 of 777 bytes\); removed/);
    expect(readFileSync(inSnapshot("org/tiny", "model.safetensors")).equals(WEIGHTS)).toBe(false);
    const second = await pulled(["org/tiny", "--verify"]);
    expect(second.stderr).toMatch(/model\.safetensors: what was in the cache is damaged \(checksum\); removed/);
    expect(second.fetchedBytes).toBe(WEIGHTS.length);
    expect(readFileSync(inSnapshot("org/tiny", "model.safetensors")).equals(WEIGHTS)).toBe(true);
  });
  test("serves another revision with the same content", async () => {
    await pulled(["org/tiny"]);
    hub.forget();
    const { files } = await pulled(["org/tiny@older/one"]);
    expect(files.filter(({ fetched }: { fetched: boolean }) => fetched)).toMatchObject([{ path: "model.safetensors", sizeBytes: 500 }]);
  });
});

describe("an interrupted pull", () => {
  const partial = () => `${blobOf("org/large", "model.safetensors")}.incomplete`;
  /** A pull that has brought so much of the weights, and waits for more. */
  const startPartly = async () => {
    hub.faults.push({ path: /^cdn:/, stallAfter: 700_000 });
    const running = start(["pull", "org/large"], { env: environment() });
    await until(partial(), 700_000);
    return running;
  };
  test("killed in the middle keeps what came, and the next one fetches the rest alone", async () => {
    const { child, ended } = await startPartly();
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(join(cacheOf("org/large"), "refs", "main"))).toBe(false);
    hub.forget();
    const { fetchedBytes } = await pulled(["org/large"]);
    expect(fetchedBytes).toBe(LARGE.length - 700_000);
    expect(hub.sentBytes).toBe(LARGE.length - 700_000);
    expect(hub.seen.find(({ server }) => server === "cdn")?.headers.range).toBe("bytes=700000-");
    expect(readFileSync(inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
    expect(existsSync(partial())).toBe(false);
  });
  test("by Ctrl-C ends with 130, keeps what came and says how to go on", async () => {
    const { child, ended } = await startPartly();
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toBe("Stopped; what has come is kept. Go on with: luciole pull org/large\n");
    expect(statSync(partial()).size).toBe(700_000);
    expect(existsSync(join(home, "hub", ".locks", "models--org--large", "luciole.lock"))).toBe(false);
  });
  test("is not joined by a second one", async () => {
    const { child, ended } = await startPartly();
    const second = await pull(["org/large"]);
    child.kill("SIGKILL");
    await ended;
    expect(second.code).toBe(1);
    expect(oneLine(second)).toMatch(new RegExp(`process ${child.pid} on .* is pulling this model`));
  });
  test("whose first part was damaged meanwhile says so and begins anew", async () => {
    mkdirSync(join(cacheOf("org/large"), "blobs"), { recursive: true });
    writeFileSync(partial(), Buffer.alloc(1_000_000));
    const { stderr } = await pulled(["org/large"]);
    expect(stderr).toMatch(/model\.safetensors: expected the checksum .*; the damaged file was removed and comes anew/);
    expect(readFileSync(inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
  });
});

test("a mirror, whatever its path, is the only place that is asked", async () => {
  await pulled(["org/tiny"], { HF_ENDPOINT: `${hub.url}/mirror/` });
  const asked = hub.seen.filter(({ server }) => server === "hub").map(({ path }) => path);
  expect(asked.filter((path) => !path.startsWith("/mirror/"))).toEqual([]);
  expect(asked.filter((path) => path.includes("/tree/"))).toHaveLength(3);
  expect(readFileSync(inSnapshot("org/tiny", "model.safetensors")).equals(WEIGHTS)).toBe(true);
});

describe("a bad connection", () => {
  test("that breaks in the middle, twice, is taken up where it broke", async () => {
    hub.faults.push({ path: /^cdn:/, cutAfter: 700_000 }, { path: /^cdn:/, cutAfter: 500_000 });
    await pulled(["org/large"]);
    expect(hub.seen.filter(({ server }) => server === "cdn").map(({ headers }) => headers.range)).toEqual([undefined, "bytes=700000-", "bytes=1200000-"]);
    expect(readFileSync(inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
  });
  test("that falls silent is given up and taken up again", async () => {
    hub.faults.push({ path: /^cdn:/, stallAfter: 700_000 });
    await pulled(["org/large"], { HF_HUB_DOWNLOAD_TIMEOUT: "0.5" });
    expect(readFileSync(inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
  });
  test("to a server that knows no ranges begins at the front again", async () => {
    hub.faults.push({ path: /^cdn:/, cutAfter: 700_000 }, { path: /^cdn:/, ignoresRange: true });
    await pulled(["org/large"]);
    expect(readFileSync(inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
  });
  test("to a server that is busy now and then is tried again", async () => {
    hub.faults.push({ path: /revision/, status: 503 }, { path: /tree/, status: 500 }, { path: /config\.json/, status: 502 }, { path: /^cdn:/, status: 503 });
    await pulled(["org/large"]);
    expect(hub.faults).toEqual([]);
  });
  test("waits as long as the hub asks when there were too many requests", async () => {
    hub.faults.push({ path: /revision/, status: 429, headers: { "retry-after": "2" } });
    const startedMs = performance.now();
    const { stderr } = await pulled(["org/tiny"]);
    expect(performance.now() - startedMs).toBeGreaterThan(2000);
    expect(stderr).toMatch(/too many requests \(429\).*trying again in 2 s/);
  });
  test("to a link of the CDN that has run out asks the hub for another", async () => {
    hub.faults.push({ path: /^cdn:/, status: 403 });
    await pulled(["org/large"]);
    expect(hub.seen.filter(({ path }) => path.includes("/resolve/") && path.endsWith("model.safetensors"))).toHaveLength(2);
  });
});

describe("wrong content", () => {
  test("never enters the cache: the damaged file is removed, and said", async () => {
    hub.faults.push({ path: /^cdn:/, content: noise(LARGE.length, 9) });
    const ended = await pull(["org/large"]);
    expect(ended.code).toBe(1);
    expect(oneLine(ended)).toMatch(/model\.safetensors: expected the checksum [0-9a-f]{64}, got [0-9a-f]{64}; the damaged file was removed; pull again/);
    expect(readdirSync(join(cacheOf("org/large"), "blobs"))).not.toContain(sha256(LARGE));
    expect(readdirSync(join(cacheOf("org/large"), "blobs")).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
    expect(existsSync(join(cacheOf("org/large"), "refs", "main"))).toBe(false);
  });
  test("of one file stops the others, which keep what they have", async () => {
    hub.faults.push({ path: new RegExp(sha256(QUANTS["m-Q8_0.gguf"])), content: noise(8000, 9) });
    hub.faults.push({ path: new RegExp(sha256(QUANTS["m-F16-00002-of-00002.gguf"])), stallAfter: 5000 });
    const startedMs = performance.now();
    const ended = await pull(["org/gguf", "--include", "*.gguf"]);
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    expect(oneLine(ended)).toMatch(/m-Q8_0\.gguf: expected the checksum/);
    expect(statSync(`${blobOf("org/gguf", "m-F16-00002-of-00002.gguf")}.incomplete`).size).toBeLessThanOrEqual(5000);
  });
  test("of a small file is found by Git's checksum", async () => {
    hub.faults.push({ path: /resolve.*\/config\.json/, content: Buffer.alloc(SMALL["config.json"].length) });
    const ended = await pull(["org/tiny"]);
    expect(oneLine(ended)).toMatch(/config\.json: expected the checksum [0-9a-f]{40}, got [0-9a-f]{40}/);
  });
  test("of another size is refused before it is written", async () => {
    hub.faults.push({ path: /^cdn:/, content: noise(LARGE.length + 1) });
    expect(oneLine(await pull(["org/large"]))).toMatch(/the hub lists 2000000 bytes and sends 2000001/);
  });
  test("in the place of the hub's answers is called so", async () => {
    hub.faults.push({ path: /revision/, content: Buffer.from("<html>Sign in to the hotel's network</html>") });
    expect(oneLine(await pull(["org/tiny"]))).toMatch(/does not answer as a hub does.*check HF_ENDPOINT, or whether this network wants a sign-in/);
    hub.faults.push({ path: /tree/, content: Buffer.from('[{"type":"file","path":"config.json","size":-1,"oid":"x"}]') });
    expect(oneLine(await pull(["org/tiny"]))).toMatch(/expected path, size and checksum of a file/);
  });
  test("such as a name that leads out of the cache is refused", async () => {
    const ended = await pull(["org/hostile", "--include", "*"]);
    expect(ended.code).toBe(1);
    expect(oneLine(ended)).toMatch(/a file whose name must not become a path/);
    expect(existsSync(join(home, "evil.safetensors"))).toBe(false);
    expect((await pulled(["org/hostile"])).files).toHaveLength(2);
  });
});

test("a pull that the disk cannot take is refused before it begins, with the figures", async () => {
  const file = { type: "file", path: "model.safetensors", size: 9e14, oid: "0".repeat(40), lfs: { oid: "0".repeat(64), size: 9e14, pointerSize: 130 } };
  hub.faults.push({ path: /tree/, content: Buffer.from(JSON.stringify([file])) });
  const ended = await pull(["org/large"]);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/900 TB are needed in .* and .* are free; free some, or name another place in HF_HOME/);
  expect(hub.sentBytes).toBe(0);
});

describe("the token", () => {
  const token = { HF_TOKEN: "hf_right" };
  test("goes to the hub and never to the CDN it leads to", async () => {
    await pulled(["org/gated"], token);
    const sent = (server: string) => hub.seen.filter((each) => each.server === server).map(({ headers }) => headers.authorization);
    expect(new Set(sent("hub"))).toEqual(new Set(["Bearer hf_right"]));
    expect(new Set(sent("cdn"))).toEqual(new Set([undefined]));
  });
  test("is read from its file, and never shown", async () => {
    const file = join(folder.path, "token");
    writeFileSync(file, "hf_right\n");
    expect((await pulled(["org/private"], { HF_TOKEN_PATH: file })).files).toHaveLength(4);
    writeFileSync(file, "hf_wrong_secret\n");
    const { code, stdout, stderr } = await pull(["org/private", "--debug"], { HF_TOKEN_PATH: file });
    expect(code).toBe(1);
    expect(stderr).toContain(`does not know the token of ${file}`);
    expect(stdout + stderr).not.toContain("hf_wrong_secret");
  });
  test("is asked for where a model is gated or private, with the page to go to", async () => {
    expect(oneLine(await pull(["org/gated", "--include", "*.safetensors"]))).toContain(`org/gated is gated: accept its terms at ${hub.url}/org/gated`);
    expect(oneLine(await pull(["org/private"]))).toMatch(/no model org\/private at .*, or it is private; check the name, or give a token/);
  });
  test("whose account has not been let in is told apart", async () => {
    hub.faults.push({ path: /resolve/, times: 9, status: 403, headers: { "x-error-code": "GatedRepo" } });
    expect(oneLine(await pull(["org/gated", "--include", "*.safetensors"], token))).toMatch(/the account of HF_TOKEN has not been let in; ask for access at/);
  });
});

describe("one line, and its mend, for", () => {
  const cases: [string, string[], number, RegExp, Record<string, string>?][] = [
    ["an unknown model", ["org/nothing"], 1, /there is no model org\/nothing at http/],
    ["an unknown revision", ["org/tiny@v9"], 1, /org\/tiny has no revision "v9"; its branches and tags are listed at/],
    ["a name that is none", ["org/tiny/more"], 2, /expected a model's name such as/],
    ["two revisions", ["org/tiny@main", "--revision", "v2"], 2, /two revisions are given/],
    ["a pattern that matches nothing", ["org/tiny", "--include", "*.safetensor"], 2, /no file matches "\*\.safetensor".*there are: .*model\.safetensors/],
    ["weights in pickles alone", ["org/pickled"], 2, /org\/pickled has no safetensors and no GGUF files, only pytorch_model\.bin/],
    ["a type of GGUF that is not there", ["org/gguf:Q4_K_S"], 2, /has no GGUF file "Q4_K_S", did you mean "Q4_K_M"\?; it has: Q4_K_M, Q8_0, F16/],
    [
      "no network",
      ["org/tiny"],
      1,
      /localhost:9 cannot be|127\.0\.0\.1:12 cannot be reached \(ECONNREFUSED\); check the network/,
      { HF_ENDPOINT: "http://127.0.0.1:12" },
    ],
    ["an endpoint that is no URL", ["org/tiny"], 2, /HF_ENDPOINT: expected a URL such as/, { HF_ENDPOINT: "hub" }],
    ["offline with nothing there", ["org/tiny"], 1, /org\/tiny is not in the cache at revision main .* HF_HUB_OFFLINE is set; unset/, { HF_HUB_OFFLINE: "1" }],
  ];
  test.each(cases)("%s", async (_, args, code, message, env) => {
    const ended = await pull(args, env);
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: "" });
    expect(oneLine(ended)).toMatch(message);
  });
  test("redirects without end", async () => {
    hub.faults.push({ path: /revision/, times: 99, status: 302, headers: { location: "/api/models/org/tiny/revision/main" } });
    expect(oneLine(await pull(["org/tiny"]))).toMatch(/leads from one address to the next without end/);
  });
  test("no network after a pull, with what can be used all the same", async () => {
    await pulled(["org/tiny"]);
    expect(oneLine(await pull(["org/tiny"], { HF_ENDPOINT: "http://127.0.0.1:12" }))).toMatch(/can be used: luciole run org\/tiny/);
  });
});

describe("offline", () => {
  const offline = { HF_HUB_OFFLINE: "1" };
  test("a pulled model is found without one request", async () => {
    const before = await pulled(["org/tiny"]);
    hub.forget();
    const { folder: at, files, fetchedBytes } = await pulled(["org/tiny"], offline);
    expect({ at, fetchedBytes, numFiles: files.length }).toEqual({ at: before.folder, fetchedBytes: 0, numFiles: before.files.length });
    expect(hub.seen).toEqual([]);
  });
  test("a part of a model says what is missing", async () => {
    await pulled(["org/tiny", "--include", "*.json"]);
    expect(oneLine(await pull(["org/tiny"], offline))).toMatch(/in the cache without \*\.safetensors and HF_HUB_OFFLINE is set/);
    expect(oneLine(await inspect("org/tiny"))).toMatch(/only part of it was pulled, without \*\.safetensors; go on with: luciole pull/);
  });
});

describe("what to bring is said by", () => {
  const paths = ({ files }: { files: { path: string }[] }) => files.map(({ path }) => path).sort();
  test("patterns, which may be repeated", async () => {
    expect(paths(await pulled(["org/tiny", "--include", "token*.json", "--include", "README.md"]))).toEqual([
      "README.md",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(paths(await pulled(["org/gguf", "--include", "*Q4_K_M.gguf"]))).toEqual(["m-Q4_K_M.gguf"]);
  });
  test("the type of a GGUF file, in any letter case, with all its parts", async () => {
    expect(paths(await pulled(["org/gguf:q4_k_m"]))).toEqual(["m-Q4_K_M.gguf"]);
    expect(paths(await pulled(["org/gguf:F16"]))).toEqual(["m-F16-00001-of-00002.gguf", "m-F16-00002-of-00002.gguf"]);
  });
  test("the list that is shown when a repository has many GGUF files and none was asked for", async () => {
    const { code, stdout, stderr } = await pull(["org/gguf"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    const lines = stderr.trimEnd().split("\n");
    expect(lines.slice(0, 3).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["Q4_K_M", "4,000 B", "m-Q4_K_M.gguf"],
      ["Q8_0", "8,000 B", "m-Q8_0.gguf"],
      ["F16", "16,000 B", "m-F16-00001-of-00002.gguf, 2 parts"],
    ]);
    expect(lines[3]).toBe("error: org/gguf has 3 GGUF models; say which, for example: luciole pull org/gguf:Q4_K_M");
    expect(hub.sentBytes).toBe(0);
  });
  test("a revision, as a branch or a commit, which is remembered", async () => {
    const older = REPOSITORIES["org/tiny"].branches?.["older/one"] ?? {};
    const { commit: byBranch } = await pulled(["org/tiny", "--revision", "older/one"]);
    expect(byBranch).toBe(commitOf(older));
    expect(readFileSync(join(cacheOf("org/tiny"), "refs", "older", "one"), "utf8")).toBe(byBranch);
    expect((await pulled([`https://huggingface.co/org/tiny@${byBranch}`], { HF_HUB_OFFLINE: "1" })).commit).toBe(byBranch);
    expect((await pulled([`org/tiny@${commit("org/tiny")}`])).commit).toBe(commit("org/tiny"));
    expect(existsSync(join(cacheOf("org/tiny"), "refs", "main"))).toBe(false);
  });
});
