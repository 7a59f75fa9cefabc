// Checkpoints of a run: whole or absent, checked before use, and never lost to a full disk or a kill.
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.js";
import { type FileSystem, machineFileSystem } from "./file-system.js";
import { float32Values, hostTensor } from "./host-tensor.js";
import { openModelDirectory, writeModelDirectory } from "./model-directory.js";
import { type CheckpointContents, CheckpointStore, listSteps, loadLatest } from "./store.js";

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "luciole-store-")), "checkpoints");
});
afterEach(() => rm(dirname(directory), { recursive: true, force: true }));

function contents(step: number, size = 1000): CheckpointContents {
  return {
    config: { model_type: "deepseek_v3", hidden_size: 8 },
    generationConfig: { eos_token_id: 1 },
    weights: new Map([["model.norm.weight", hostTensor(new Float32Array(size).fill(step))]]),
    files: { "tokenizer.json": '{"version":"1.0"}' },
    trainer: {
      step,
      state: { rng: ["18446744073709551615"], position: 12345 },
      tensors: new Map([["moment1.model.norm.weight", hostTensor(Float32Array.of(step / 3))]]),
    },
  };
}

async function storeWith(steps: number[], keepLast = 3): Promise<CheckpointStore> {
  const store = await CheckpointStore.open(directory, { keepLast });
  for (const step of steps) await store.save(contents(step));
  return store;
}

/** The machine's file system, except that files hold no more than `capacityBytes` together. */
function smallDisk(capacityBytes: number, reportsRoom: boolean): FileSystem {
  let room = capacityBytes;
  return {
    ...machineFileSystem,
    statfs: (async () => ({ bavail: reportsRoom ? room : 1e9, bsize: 1 })) as unknown as FileSystem["statfs"],
    open: async (path, flags) => {
      const handle = await machineFileSystem.open(path, flags);
      const write = handle.write.bind(handle) as (
        data: Uint8Array,
        offset: number,
        length: number,
        position: null,
      ) => Promise<{ bytesWritten: number }>;
      handle.write = (async (data: Uint8Array, offset: number, length: number) => {
        if (room === 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
        const result = await write(data, offset, Math.min(length, room), null);
        room -= result.bytesWritten;
        return result;
      }) as typeof handle.write;
      return handle;
    },
  };
}

describe("the newest checkpoint", () => {
  test("comes back bit for bit, with the trainer's state", async () => {
    const store = await storeWith([9, 10]);
    const loaded = (await store.loadLatest())!;
    expect([loaded.step, loaded.warning]).toEqual([10, undefined]);
    expect(float32Values(await loaded.weights.read("model.norm.weight"))).toEqual(new Float32Array(1000).fill(10));
    expect(float32Values(await loaded.trainer.tensors.read("moment1.model.norm.weight"))[0]).toBe(Math.fround(10 / 3));
    expect(loaded.trainer.state).toEqual({ rng: ["18446744073709551615"], position: 12345 });
    expect(loaded.config).toEqual({ model_type: "deepseek_v3", hidden_size: 8 });
    expect(await readFile(join(loaded.directory, "tokenizer.json"), "utf8")).toBe('{"version":"1.0"}');
    await loaded.close();
  });

  test("is undefined where none was ever written", async () => {
    expect(await loadLatest(directory)).toBeUndefined();
    expect(await (await CheckpointStore.open(directory)).loadLatest()).toBeUndefined();
  });

  test("may be written a second time", async () => {
    const store = await storeWith([5]);
    await store.save(contents(5, 7));
    const loaded = (await store.loadLatest())!;
    expect(loaded.weights.info("model.norm.weight").shape).toEqual([7]);
    expect(await readdir(directory)).toEqual(["step-5"]);
    await loaded.close();
  });

  test("is among the last N kept; the older ones go", async () => {
    const store = await storeWith([2, 4, 6, 8, 10], 2);
    expect(await listSteps(directory)).toEqual([10, 8]);
    await store.removeAfter(8);
    expect(await readdir(directory)).toEqual(["step-8"]);
  });
});

describe("a damaged checkpoint is passed over and named:", () => {
  const damages: [string, (step: string) => Promise<unknown>, string][] = [
    ["truncated weights", (step) => truncate(join(step, "model.safetensors"), 100), "model.safetensors is truncated"],
    ["one changed byte", (step) => flipByte(join(step, "model.safetensors"), 2000), "model.safetensors was changed"],
    ["a changed trainer state", (step) => flipByte(join(step, "trainer.json"), 12), "trainer.json was changed"],
    ["a missing file", (step) => rm(join(step, "trainer.safetensors")), "trainer.safetensors is missing"],
    ["no checksums", (step) => rm(join(step, "checksums.json")), "checksums.json is missing"],
    ["changed checksums", (step) => flipByte(join(step, "checksums.json"), 60), "checksums.json"],
    ["empty checksums", (step) => writeFile(join(step, "checksums.json"), "{}"), "checksums.json"],
    [
      "an empty directory",
      (step) => rm(step, { recursive: true }).then(() => mkdir(step)),
      "checksums.json is missing",
    ],
    [
      "another step's contents",
      (step) =>
        rm(step, { recursive: true }).then(() => cp(step.replace("step-2", "step-1"), step, { recursive: true })),
      "it claims to be step 1",
    ],
  ];
  test.each(damages)("%s", async (_name, damage, message) => {
    const store = await storeWith([1, 2]);
    await damage(join(directory, "step-2"));
    const loaded = (await store.loadLatest())!;
    expect(loaded.step).toBe(1);
    expect(loaded.warning).toContain(message);
    expect(loaded.warning).toContain("using step-1 instead");
    await loaded.close();
  });

  test("when all are damaged the error names each", async () => {
    const store = await storeWith([1, 2]);
    await truncate(join(directory, "step-1/model.safetensors"), 10);
    await rm(join(directory, "step-2/config.json"));
    const failure = await store.loadLatest().catch((error) => error);
    expect(failure).toBeInstanceOf(CheckpointError);
    expect(failure.message).toMatch(
      /step-2 is damaged \(config.json is missing\).*step-1 is damaged \(model.safetensors is truncated/,
    );
  });

  async function flipByte(path: string, at: number) {
    const bytes = await readFile(path);
    bytes[at] ^= 1;
    await writeFile(path, bytes);
  }
});

describe("a full disk", () => {
  test.each([0, 1, 900, 4500, 8700])(
    "after %i bytes leaves the earlier checkpoint and no remains",
    async (capacityBytes) => {
      await storeWith([1]);
      const store = await CheckpointStore.open(directory, { fs: smallDisk(capacityBytes, false) });
      const failure = await store.save(contents(2, 2000)).catch((error) => error);
      expect(failure).toBeInstanceOf(CheckpointError);
      expect(failure.message).toMatch(/step-2.*\(ENOSPC: .* needed, .* free\); free some space.*--out.*not affected/);
      expect(await readdir(directory)).toEqual(["step-1"]);
      const loaded = (await store.loadLatest())!;
      expect([loaded.step, loaded.warning]).toEqual([1, undefined]);
      await loaded.close();
    },
  );

  test("is foreseen where the system says how much is free", async () => {
    const store = await CheckpointStore.open(directory, { fs: smallDisk(50_000, true) });
    await expect(store.save(contents(2))).rejects.toThrow(/ENOSPC: 70 kB needed, 50 kB free/);
    expect(await readdir(directory)).toEqual([]);
  });

  test("does not hide an error of another kind", async () => {
    const store = await storeWith([1]);
    const failing = { dtype: "f32", shape: [1], data: () => Promise.reject(new Error("the device is gone")) } as const;
    await expect(store.save({ ...contents(2), weights: new Map([["w", failing]]) })).rejects.toThrow(
      "the device is gone",
    );
    expect(await readdir(directory)).toEqual(["step-1"]);
  });
});

describe("an interrupted writer", () => {
  test("leaves remains that the next one clears, and a checkpoint that stepped aside returns", async () => {
    await storeWith([1, 2]);
    await mkdir(join(directory, ".tmp-step-3-abcd"));
    await cp(join(directory, "step-2"), join(directory, ".replaced-step-2"), { recursive: true });
    await cp(join(directory, "step-1"), join(directory, ".replaced-step-1"), { recursive: true });
    await rm(join(directory, "step-1"), { recursive: true });
    await CheckpointStore.open(directory);
    expect((await readdir(directory)).sort()).toEqual(["step-1", "step-2"]);
  });

  test("killed at any moment leaves a sound newest checkpoint, none older than the last one announced", {
    timeout: 120_000,
  }, async () => {
    const root = fileURLToPath(new URL("../..", import.meta.url));
    let firstStep = 1;
    for (let trial = 0; trial < 5; trial++) {
      const announced = await writeUntilKilled(root, firstStep, 3 + trial * 11);
      // Read before anyone tidies up: a reader must cope with what the kill left.
      const found = await loadLatest(directory);
      await found?.close();
      await CheckpointStore.open(directory);
      const loaded = (await loadLatest(directory))!;
      expect(loaded.warning).toBeUndefined();
      expect(loaded.step).toBeGreaterThanOrEqual(announced);
      const values = float32Values(await loaded.weights.read("weight"));
      expect([values.length, values[0], values[49_999]]).toEqual([50_000, loaded.step, loaded.step]);
      await loaded.close();
      expect((await readdir(directory)).every((name) => name.startsWith("step-"))).toBe(true);
      firstStep = loaded.step + 1;
    }
  });

  /** Runs the writer, kills it `delayMs` after its first announcement, and gives the last step it announced. */
  function writeUntilKilled(root: string, firstStep: number, delayMs: number): Promise<number> {
    const child = spawn(
      process.execPath,
      ["--import", "jiti/register", "src/checkpoint/crash-writer.fixture.ts", directory, String(firstStep)],
      { cwd: root },
    );
    let output = "";
    let errors = "";
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.stdout.on("data", (chunk) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), delayMs);
      output += chunk;
    });
    return new Promise((resolve, reject) => {
      child.on("exit", (_code, signal) =>
        signal === "SIGKILL" ? resolve(Number(output.trim().split("\n").at(-1))) : reject(new Error(errors)),
      );
    });
  }
});

describe("a model directory without trainer state", () => {
  test("holds no trainer files and refuses reserved names", async () => {
    const { trainer: _, ...model } = contents(1);
    const path = join(dirname(directory), "model");
    await writeModelDirectory(path, model);
    expect((await readdir(path)).sort()).toEqual([
      "checksums.json",
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "tokenizer.json",
    ]);
    const opened = await openModelDirectory(path);
    expect(opened.trainer).toBeUndefined();
    await opened.close();
    await expect(writeModelDirectory(path, { ...model, files: { "../escape": "" } })).rejects.toThrow(
      "additional file named ../escape",
    );
  });

  test("is refused when JSON would change the trainer's state", async () => {
    const store = await CheckpointStore.open(directory);
    const withState = (state: object) =>
      store.save({ ...contents(1), trainer: { step: 1, state: state as never, tensors: new Map() } });
    await expect(withState({ rng: { s0: 1n } })).rejects.toThrow("trainer.state.rng.s0 is a value of type bigint");
    await expect(withState({ loss: Number.NaN })).rejects.toThrow("trainer.state.loss is NaN");
    await expect(withState({ best: [-0] })).rejects.toThrow("trainer.state.best.0 is -0");
    await expect(withState({ seen: new Set() })).rejects.toThrow("trainer.state.seen is a Set");
    expect(await readdir(directory)).toEqual([]);
  });
});
