// The place where pulls are tested: a hub with repositories of every kind, and a home of its own for each test.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { type Ended, root, temporaryFolder } from "../e2e/command.js";
import { inProcess } from "../e2e/in-process.js";
import { commitOf, HubServer, oidOf, type Repository } from "./hub-server.js";

const golden = (name: string) => readFileSync(join(root, "tests", "golden", "cases", "qwen2-tied", name));
/** Bytes that are never the same twice in a file. */
export const noise = (length: number, seed = 1) => {
  let state = seed;
  return Buffer.from(Uint8Array.from({ length }, () => (state = (state * 1103515245 + 12345) % 2147483648) >> 16));
};
/** Weights that take a moment. */
export const LARGE = noise(2_000_000);
/** What lies beside the weights. */
export const SMALL = {
  "config.json": golden("config.json"),
  "tokenizer.json": Buffer.from('{"a":1}'),
  "tokenizer_config.json": Buffer.from("{}"),
};
/** Weights of a model that loads. */
export const WEIGHTS = golden("model.safetensors");
/** GGUF files by type, one of them in parts. */
export const QUANTS = {
  "m-Q4_K_M.gguf": noise(4000, 2),
  "m-Q8_0.gguf": noise(8000, 3),
  "m-F16-00001-of-00002.gguf": noise(9000, 4),
  "m-F16-00002-of-00002.gguf": noise(7000, 5),
};

/** Rows of a data set, a line each. */
const lines = (...rows: object[]) => Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
const parquet = readFileSync(join(root, "tests", "golden", "data", "row-groups.parquet"));

/** What the hub holds. */
export const REPOSITORIES: Readonly<Record<string, Repository>> = {
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
  "datasets/org/talks": {
    files: {
      "README.md": Buffer.from("#"),
      "dataset_infos.json": Buffer.from("{}"),
      "train.jsonl": lines({ prompt: "2+2", completion: "4" }, { prompt: "3+3", completion: "6" }),
      "test.jsonl": lines({ prompt: "4+4", completion: "8" }),
    },
  },
  "datasets/org/grades": {
    files: {
      "README.md": Buffer.from("#"),
      "main/train-00000-of-00002.parquet": parquet,
      "main/train-00001-of-00002.parquet": Buffer.concat([parquet]),
      "main/test-00000-of-00001.parquet": parquet,
      "socratic/train-00000-of-00001.parquet": parquet,
    },
  },
  "datasets/org/gated": { files: { "train.jsonl": lines({ text: "a" }) }, gated: true },
  "datasets/org/images": { files: { "README.md": Buffer.from("#"), "train/a.png": noise(100) } },
  "org/hostile": {
    files: { "config.json": SMALL["config.json"], "model.safetensors": WEIGHTS, "../../../evil.safetensors": WEIGHTS },
  },
};

/** What a pull said in JSON, and on standard error. */
export interface PullAnswer {
  readonly commit: string;
  readonly folder: string;
  readonly files: readonly { readonly path: string; readonly sizeBytes: number; readonly fetched: boolean }[];
  readonly fetchedBytes: number;
  readonly totalBytes: number;
  readonly problems: readonly string[];
  readonly stderr: string;
}

/** A hub for the tests of one file, and for each test an empty home. */
export class PullingPlace {
  hub!: HubServer;
  home = "";
  private readonly folder = temporaryFolder();
  private numHomes = 0;

  constructor() {
    beforeAll(async () => {
      this.hub = await HubServer.start(REPOSITORIES);
    });
    beforeEach(() => {
      this.hub.forget();
      this.home = join(this.folder.path, `home-${this.numHomes++}`);
    });
    afterAll(async () => {
      await this.hub.close();
      this.folder.remove();
    });
  }

  /** The environment of a command, without the caller's own settings. */
  environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const own = [
      "HF_HUB_CACHE",
      "HUGGINGFACE_HUB_CACHE",
      "HF_TOKEN",
      "HF_TOKEN_PATH",
      "HF_HUB_OFFLINE",
      "HTTPS_PROXY",
      "https_proxy",
    ];
    return {
      ...Object.fromEntries(own.map((name) => [name, ""])),
      HF_ENDPOINT: this.hub.url,
      HF_HOME: this.home,
      ...more,
    };
  }

  /** `luciole pull <args>`. */
  pull(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> {
    return inProcess(["pull", ...args], this.environment(env));
  }

  /** A pull that must succeed. */
  async pulled(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<PullAnswer> {
    const { code, stdout, stderr } = await this.pull([...args, "--json"], env);
    if (code !== 0) throw new Error(`pull ${args.join(" ")} ended with ${code}: ${stderr}`);
    return { ...JSON.parse(stdout), stderr };
  }

  /** `luciole inspect <name>`. */
  inspect(name: string): Promise<Ended> {
    return inProcess(["inspect", name, "--json"], this.environment());
  }

  cacheOf(repo: string): string {
    return join(this.home, "hub", `${/^datasets\//.test(repo) ? "" : "models--"}${repo.replaceAll("/", "--")}`);
  }

  inSnapshot(repo: string, path: string): string {
    return join(this.cacheOf(repo), "snapshots", headOf(repo), path);
  }

  blobOf(repo: string, path: string): string {
    return join(this.cacheOf(repo), "blobs", oidOf(path, REPOSITORIES[repo].files[path]));
  }
}

/** The commit of a repository's main branch. */
export const headOf = (repo: string): string => commitOf(REPOSITORIES[repo].files);

/** Standard error, which must be one line. */
export function oneLine({ stderr }: Ended): string {
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  return stderr;
}
