// `luciole pull` where something is wrong: connections, content, tokens, names. It goes on where it can, and says in
// one line where it cannot.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { sha256 } from "../hub/hub-server.js";
import { LARGE, noise, oneLine, PullingPlace, QUANTS, SMALL } from "../hub/pulling-place.js";

vi.setConfig({ testTimeout: 120_000 });
const place = new PullingPlace();

describe("a bad connection", () => {
  test("that breaks in the middle, twice, is taken up where it broke", async () => {
    place.hub.faults.push({ path: /^cdn:/, cutAfter: 700_000 }, { path: /^cdn:/, cutAfter: 500_000 });
    await place.pulled(["org/large"]);
    expect(place.hub.seen.filter(({ server }) => server === "cdn").map(({ headers }) => headers.range)).toEqual([
      undefined,
      "bytes=700000-",
      "bytes=1200000-",
    ]);
    expect(readFileSync(place.inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
  });
  test("that falls silent is given up and taken up again", async () => {
    place.hub.faults.push({ path: /^cdn:/, stallAfter: 700_000 });
    await place.pulled(["org/large"], { HF_HUB_DOWNLOAD_TIMEOUT: "0.5" });
    expect(readFileSync(place.inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
  });
  test("to a server that knows no ranges begins at the front again", async () => {
    place.hub.faults.push({ path: /^cdn:/, cutAfter: 700_000 }, { path: /^cdn:/, ignoresRange: true });
    await place.pulled(["org/large"]);
    expect(readFileSync(place.inSnapshot("org/large", "model.safetensors")).equals(LARGE)).toBe(true);
  });
  test("to a server that is busy now and then is tried again", async () => {
    place.hub.faults.push(
      { path: /revision/, status: 503 },
      { path: /tree/, status: 500 },
      { path: /config\.json/, status: 502 },
      { path: /^cdn:/, status: 503 },
    );
    await place.pulled(["org/large"]);
    expect(place.hub.faults).toEqual([]);
  });
  test("waits as long as the hub asks when there were too many requests", async () => {
    place.hub.faults.push({ path: /revision/, status: 429, headers: { "retry-after": "2" } });
    const startedMs = performance.now();
    const { stderr } = await place.pulled(["org/tiny"]);
    expect(performance.now() - startedMs).toBeGreaterThan(2000);
    expect(stderr).toMatch(/refuses further requests \(429, too many\).*retrying in 2 s/);
  });
  test("to a link of the CDN that has run out asks the hub for another", async () => {
    place.hub.faults.push({ path: /^cdn:/, status: 403 });
    await place.pulled(["org/large"]);
    expect(
      place.hub.seen.filter(({ path }) => path.includes("/resolve/") && path.endsWith("model.safetensors")),
    ).toHaveLength(2);
  });
});

describe("wrong content", () => {
  test("never enters the cache: the damaged file is removed, and said", async () => {
    place.hub.faults.push({ path: /^cdn:/, content: noise(LARGE.length, 9) });
    const ended = await place.pull(["org/large"]);
    expect(ended.code).toBe(1);
    expect(oneLine(ended)).toMatch(
      /model\.safetensors: expected the checksum [0-9a-f]{64}, got [0-9a-f]{64}; the damaged file was removed; pull again/,
    );
    expect(readdirSync(join(place.cacheOf("org/large"), "blobs"))).not.toContain(sha256(LARGE));
    expect(
      readdirSync(join(place.cacheOf("org/large"), "blobs")).filter((name) => name.endsWith(".incomplete")),
    ).toEqual([]);
    expect(existsSync(join(place.cacheOf("org/large"), "refs", "main"))).toBe(false);
  });
  test("of one file stops the others, which keep what they have", async () => {
    place.hub.faults.push({ path: new RegExp(sha256(QUANTS["m-Q8_0.gguf"])), content: noise(8000, 9) });
    place.hub.faults.push({ path: new RegExp(sha256(QUANTS["m-F16-00002-of-00002.gguf"])), stallAfter: 5000 });
    const startedMs = performance.now();
    const ended = await place.pull(["org/gguf", "--include", "*.gguf"]);
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    expect(oneLine(ended)).toMatch(/m-Q8_0\.gguf: expected the checksum/);
    expect(statSync(`${place.blobOf("org/gguf", "m-F16-00002-of-00002.gguf")}.incomplete`).size).toBeLessThanOrEqual(
      5000,
    );
  });
  test("of a small file is found by Git's checksum", async () => {
    place.hub.faults.push({ path: /resolve.*\/config\.json/, content: Buffer.alloc(SMALL["config.json"].length) });
    const ended = await place.pull(["org/tiny"]);
    expect(oneLine(ended)).toMatch(/config\.json: expected the checksum [0-9a-f]{40}, got [0-9a-f]{40}/);
  });
  test("of another size is refused before it is written", async () => {
    place.hub.faults.push({ path: /^cdn:/, content: noise(LARGE.length + 1) });
    expect(oneLine(await place.pull(["org/large"]))).toMatch(/the hub lists 2000000 bytes but sends 2000001/);
  });
  test("in the place of the hub's answers is called so", async () => {
    place.hub.faults.push({ path: /revision/, content: Buffer.from("<html>Sign in to the hotel's network</html>") });
    expect(oneLine(await place.pull(["org/tiny"]))).toMatch(
      /does not answer like Hugging Face.*check HF_ENDPOINT, or whether this network requires a sign-in/,
    );
    place.hub.faults.push({
      path: /tree/,
      content: Buffer.from('[{"type":"file","path":"config.json","size":-1,"oid":"x"}]'),
    });
    expect(oneLine(await place.pull(["org/tiny"]))).toMatch(/expected path, size and checksum of a file/);
  });
  test("such as a name that leads out of the cache is refused", async () => {
    const ended = await place.pull(["org/hostile", "--include", "*"]);
    expect(ended.code).toBe(1);
    expect(oneLine(ended)).toMatch(/a file with an unsafe name/);
    expect(existsSync(join(place.home, "evil.safetensors"))).toBe(false);
    expect((await place.pulled(["org/hostile"])).files).toHaveLength(2);
  });
});

test("a pull that the disk cannot take is refused before it begins, with the figures", async () => {
  const file = {
    type: "file",
    path: "model.safetensors",
    size: 9e14,
    oid: "0".repeat(40),
    lfs: { oid: "0".repeat(64), size: 9e14, pointerSize: 130 },
  };
  place.hub.faults.push({ path: /tree/, content: Buffer.from(JSON.stringify([file])) });
  const ended = await place.pull(["org/large"]);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(
    /900 TB needed in .*, but only .* free; free some space, or set HF_HOME to another place/,
  );
  expect(place.hub.sentBytes).toBe(0);
});

describe("the token", () => {
  const token = { HF_TOKEN: "hf_right" };
  test("goes to the hub and never to the CDN it leads to", async () => {
    await place.pulled(["org/gated"], token);
    const sent = (server: string) =>
      place.hub.seen.filter((each) => each.server === server).map(({ headers }) => headers.authorization);
    expect(new Set(sent("hub"))).toEqual(new Set(["Bearer hf_right"]));
    expect(new Set(sent("cdn"))).toEqual(new Set([undefined]));
  });
  test("is read from its file, and never shown", async () => {
    const file = join(place.home, "token");
    mkdirSync(place.home);
    writeFileSync(file, "hf_right\n");
    expect((await place.pulled(["org/private"], { HF_TOKEN_PATH: file })).files).toHaveLength(4);
    writeFileSync(file, "hf_wrong_secret\n");
    const { code, stdout, stderr } = await place.pull(["org/private", "--debug"], { HF_TOKEN_PATH: file });
    expect(code).toBe(1);
    expect(stderr).toContain(`does not accept the token of ${file}`);
    expect(stdout + stderr).not.toContain("hf_wrong_secret");
  });
  test("is asked for where a model is gated or private, with the page to go to", async () => {
    expect(oneLine(await place.pull(["org/gated", "--include", "*.safetensors"]))).toContain(
      `org/gated is gated: accept its terms at ${place.hub.url}/org/gated`,
    );
    expect(oneLine(await place.pull(["org/private"]))).toMatch(
      /no model org\/private at .*, or it is private; check the name, or give a token/,
    );
  });
  test("whose account has not been let in is told apart", async () => {
    place.hub.faults.push({ path: /resolve/, times: 9, status: 403, headers: { "x-error-code": "GatedRepo" } });
    expect(oneLine(await place.pull(["org/gated", "--include", "*.safetensors"], token))).toMatch(
      /the account of HF_TOKEN has no access; request access at/,
    );
  });
});

describe("one line, and its mend, for", () => {
  const cases: [string, string[], number, RegExp, Record<string, string>?][] = [
    ["an unknown model", ["org/nothing"], 1, /there is no model org\/nothing at http/],
    ["an unknown revision", ["org/tiny@v9"], 1, /org\/tiny has no revision "v9"; its branches and tags are listed at/],
    ["a name that is none", ["org/tiny/more"], 2, /expected a model name such as/],
    ["two revisions", ["org/tiny@main", "--revision", "v2"], 2, /two revisions are given/],
    [
      "a pattern that matches nothing",
      ["org/tiny", "--include", "*.safetensor"],
      2,
      /no file matches "\*\.safetensor".*available: .*model\.safetensors/,
    ],
    [
      "weights in pickles alone",
      ["org/pickled"],
      2,
      /org\/pickled has no safetensors and no GGUF files, only pytorch_model\.bin/,
    ],
    [
      "a type of GGUF that is not there",
      ["org/gguf:Q4_K_S"],
      2,
      /has no GGUF file "Q4_K_S", did you mean "Q4_K_M"\?; it has: Q4_K_M, Q8_0, F16/,
    ],
    [
      "no network",
      ["org/tiny"],
      1,
      /localhost:9 cannot be|127\.0\.0\.1:12 cannot be reached \(ECONNREFUSED\); check the network/,
      { HF_ENDPOINT: "http://127.0.0.1:12" },
    ],
    ["an endpoint that is no URL", ["org/tiny"], 2, /HF_ENDPOINT: expected a URL such as/, { HF_ENDPOINT: "hub" }],
    [
      "offline with nothing there",
      ["org/tiny"],
      1,
      /org\/tiny is not in the cache at revision main .* HF_HUB_OFFLINE is set; unset/,
      { HF_HUB_OFFLINE: "1" },
    ],
  ];
  test.each(cases)("%s", async (_, args, code, message, env) => {
    const ended = await place.pull(args, env);
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: "" });
    expect(oneLine(ended)).toMatch(message);
  });
  test("redirects without end", async () => {
    place.hub.faults.push({
      path: /revision/,
      times: 99,
      status: 302,
      headers: { location: "/api/models/org/tiny/revision/main" },
    });
    expect(oneLine(await place.pull(["org/tiny"]))).toMatch(/redirects endlessly/);
  });
  test("no network after a pull, with what can be used all the same", async () => {
    await place.pulled(["org/tiny"]);
    expect(oneLine(await place.pull(["org/tiny"], { HF_ENDPOINT: "http://127.0.0.1:12" }))).toMatch(
      /can be used: npx luciole run org\/tiny/,
    );
  });
});
