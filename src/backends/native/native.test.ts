// Claims about the native backend's edges: choice of build, memory, threads, errors that name the op and the mend.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BackendError, ConfigError } from "../../errors.js";
import { Device, defaultDevice, setDefaultDevice } from "../../tensor/device.js";
import { fromF16Bits } from "../../tensor/dtype.js";
import { dispatch, fromBytes, scope, scopeAsync, tensor } from "../../tensor/engine.js";
import { cast, unaryOp } from "../../tensor/ops/elementwise.js";
import { gluBackwardOp } from "../../tensor/ops/glu.js";
import { adamwOp } from "../../tensor/ops/optimizer.js";
import { dotOp } from "../../tensor/ops/reduce.js";
import { embedding } from "../../tensor/ops/rows.js";
import { openBackend } from "../open.js";
import { loadAddon } from "./addon.js";
import { createNativeBackend } from "./backend.js";
import { isasOf, supportedIsas } from "./cpu.js";
import { availableIsas, isStale, kernelFile } from "./kernel-files.js";

const v3 = ["avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"];
const avx512 = [
  ...v3,
  "avx512f",
  "avx512bw",
  "avx512cd",
  "avx512dq",
  "avx512vl",
  "avx512_bf16",
  "avx512_vnni",
  "avx512vbmi",
];

describe("the choice of a build", () => {
  it("follows the CPU's features, best first", () => {
    expect(isasOf("x64", new Set(avx512))).toEqual(["avx512", "x86-64-v3"]);
    expect(isasOf("x64", new Set(avx512.filter((f) => f !== "avx512_bf16")))).toEqual(["x86-64-v3"]);
    expect(isasOf("x64", new Set(v3.filter((f) => f !== "fma")))).toEqual([]);
    expect(isasOf("arm64", new Set())).toEqual(["armv8"]);
    expect(isasOf("riscv64", new Set())).toEqual([]);
  });

  it("loads only what the CPU runs", () => {
    for (const isa of availableIsas()) expect(supportedIsas()).toContain(isa);
    expect(loadAddon().isa).toBe(process.env.LUCIOLE_ISA || availableIsas()[0]);
  });

  it("refuses a build that this machine cannot run, naming those that it can", () => {
    expect(() => loadAddon("sve2")).toThrow(
      `this machine cannot run kernels for "sve2": choose one of ${supportedIsas().join(", ")}`,
    );
  });
});

describe("opening a backend", () => {
  const environment = { ...process.env };
  afterAll(() => {
    process.env.LUCIOLE_ISA = environment.LUCIOLE_ISA ?? "";
  });

  it("falls back on the reference with one warning that names the mend, and says so once", async () => {
    process.env.LUCIOLE_ISA = "sve2";
    const lines: string[] = [];
    const warn = (line: string) => void lines.push(line);
    expect((await openBackend({ warn })).name).toBe("reference");
    expect((await openBackend({ warn })).name).toBe("reference");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("LUCIOLE_ISA");
    await expect(openBackend({ name: "native", warn })).rejects.toThrow(BackendError);
    process.env.LUCIOLE_ISA = "";
    expect((await openBackend({ warn })).name).toBe("native");
    expect((await openBackend({ name: "reference" })).name).toBe("reference");
  });

  it("refuses names and thread counts that cannot be", async () => {
    await expect(openBackend({ name: "cuda" as "native" })).rejects.toThrow(
      new ConfigError('no backend "cuda": choose native or reference'),
    );
    await expect(openBackend({ threads: 0 })).rejects.toThrow("threads must be a whole number from 1 to 256, got 0");
    process.env.LUCIOLE_THREADS = "many";
    await expect(openBackend()).rejects.toThrow("LUCIOLE_THREADS=many");
    delete process.env.LUCIOLE_THREADS;
  });
});

describe("kernels of other sources", () => {
  const folder = mkdtempSync(join(tmpdir(), "luciole-kernels-"));
  const before = process.env.LUCIOLE_KERNELS;
  const [isa] = availableIsas();
  const file = join(folder, `${isa}.node`);
  const list = `${file}.sources`;

  beforeAll(() => {
    cpSync(dirname(kernelFile(isa) as string), folder, {
      recursive: true,
      filter: (path) => !path.endsWith(".node") || basename(path) === `${isa}.node`,
    });
    process.env.LUCIOLE_KERNELS = folder;
  });
  afterAll(() => {
    if (before === undefined) delete process.env.LUCIOLE_KERNELS;
    else process.env.LUCIOLE_KERNELS = before;
    rmSync(folder, { recursive: true, force: true });
  });

  /** As a build of yesterday, when one file read otherwise. */
  const age = () => writeFileSync(list, readFileSync(list, "utf8").replace(/^[0-9a-f]{64}/, "0".repeat(64)));
  const complaint = `${file} was built from other sources than this package has: run \`npx luciole setup\``;

  it("are known by their contents, and so are those that came without a list", () => {
    expect(isStale(file)).toBe(false);
    age();
    expect(isStale(file)).toBe(true);
    rmSync(list);
    expect(isStale(file)).toBe(true);
  });

  it("are refused in one line where nobody may build", async () => {
    expect(() => loadAddon(isa)).toThrow(complaint);
    await expect(openBackend({ name: "native", builds: false })).rejects.toThrow(complaint);
  });

  it("are built anew by whoever opens a backend", async () => {
    const lines: string[] = [];
    const { name } = await openBackend({ name: "native", warn: (line) => void lines.push(line) });
    expect(name).toBe("native");
    expect(lines[0]).toBe(
      "luciole: the sources of the kernels have changed: building the kernels for this CPU (once, about half a minute)",
    );
    expect(isStale(file)).toBe(false);
  });
});

describe("the native backend", () => {
  const backend = createNativeBackend({ threads: 2 });
  beforeEach(() => setDefaultDevice(new Device(backend)));

  it("describes itself and changes its threads", () => {
    expect(backend.description).toBe(`native kernels, ${backend.isa}, 2 threads`);
    backend.setThreads(1);
    expect(backend.description).toBe(`native kernels, ${backend.isa}, 1 thread`);
    backend.setThreads(2);
  });

  it("says how much was asked for and how much is in use when memory is out", () => {
    scope(() => {
      tensor(new Float32Array(1 << 20), [1 << 20]);
      expect(() => backend.allocate(2 ** 50)).toThrow(
        /^out of memory: 1073741824 MiB on top of the \d+ MiB in use could not be allocated: .*micro-batch/,
      );
    });
  });

  it("reads f16 exactly, subnormals, infinities and NaN included", async () => {
    const bits = Uint16Array.from({ length: 2048 }, (_, i) => i * 32 + (i % 32));
    const expected = Float32Array.from(bits, fromF16Bits);
    const read = scopeAsync(() => cast(fromBytes(new Uint8Array(bits.buffer), [2048], "f16"), "f32").data());
    expect(Array.from(await read)).toEqual(Array.from(expected));
  });

  it("takes bytes from a shared array buffer", async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    new Float32Array(shared.buffer).set([1.5, -2]);
    const t = fromBytes(shared, [2], "f32");
    expect(Array.from(await t.data())).toEqual([1.5, -2]);
    t.dispose();
  });

  it("names the op and the types of a combination that no kernel takes", () => {
    scope(() => {
      const [f, b] = [tensor([1, 2], [1, 2]), tensor([1, 2], [1, 2], "bf16")];
      const vector = tensor([1, 2], [2]);
      // Past the shape rules, which catch most of these before.
      const unchecked = <T extends { infer: unknown }>(op: T): T => ({
        ...op,
        infer: () => [{ shape: [1], dtype: "f32" }],
      });
      expect(() => dispatch(unchecked(unaryOp), [b], { kind: "neg" })).toThrow(
        "unary: the native kernel expects f32 here, got bf16[1,2]: cast it first",
      );
      expect(() => dispatch(unchecked(dotOp), [vector, tensor([1, 2], [2], "i32")], {})).toThrow(
        "dot: the native kernel expects f32 here, got i32[2]",
      );
      expect(() => dispatch(gluBackwardOp, [b, tensor([1], [1, 1])], { activation: "silu" })).toThrow(
        "glu: the native kernel expects operands of one type, got bf16[1,2], f32[1,1], bf16[1,2]",
      );
      expect(() =>
        dispatch({ ...adamwOp, infer: () => [] }, [vector, vector, vector, vector, f, null], {} as never),
      ).toThrow("adamw: the native kernel expects bf16 here, got f32[1,2]");
      expect(() => cast(f, "u8")).toThrow(/^cast: /);
    });
    expect(defaultDevice().memory().liveBuffers).toBe(0);
  });

  it("names the op in the errors of its kernels", () => {
    scope(() => expect(() => embedding(tensor([1, 2], [2, 1]), tensor([2], [1], "i32"))).toThrow(/^embedding: /));
    expect(defaultDevice().memory().liveBuffers).toBe(0);
  });
});
