// Claims about memory and dispatch: scopes free all but what is returned, the pool hands buffers out again, wrong calls
// say what is wrong.
import { beforeEach, describe, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { BackendError, ShapeError } from "../errors.js";
import type { Backend } from "./backend.js";
import { Device, defaultDevice, setDefaultDevice } from "./device.js";
import { dispatch, empty, fromBytes, keep, scope, scopeAsync, tensor, writeTensor } from "./engine.js";
import { add, addScaledOp, concatLast, scale, unary } from "./ops/elementwise.js";
import { swiglu } from "./ops/glu.js";
import { linear, matmul } from "./ops/linear.js";
import { rmsNorm } from "./ops/norm.js";
import { sizeClass } from "./pool.js";
import { Tensor } from "./tensor.js";
import { reshape } from "./view.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));
const live = () => defaultDevice().memory().liveBuffers;

describe("scope", () => {
  it("frees all but what is returned, in arrays, objects and maps", () => {
    const kept = scope(() => {
      const [a, b, c, d, lost] = [0, 1, 2, 3, 4].map((v) => tensor([v], [1]));
      expect(lost.isDisposed).toBe(false);
      return { a, list: [b, { c }], map: new Map([["d", d]]) };
    });
    expect(live()).toBe(4);
    for (const t of [kept.a, kept.list[0] as Tensor, (kept.list[1] as { c: Tensor }).c, kept.map.get("d") as Tensor])
      t.dispose();
    expect(live()).toBe(0);
  });

  it("hands what is returned to the scope around it", () => {
    scope(() => {
      const inner = scope(() => tensor([1], [1]));
      expect(inner.isDisposed).toBe(false);
      expect(live()).toBe(1);
    });
    expect(live()).toBe(0);
  });

  it("frees everything when its body fails", async () => {
    const fails = () => {
      tensor([1], [1]);
      throw new Error("inside");
    };
    expect(() => scope(fails)).toThrow("inside");
    await expect(scopeAsync(async () => fails())).rejects.toThrow("inside");
    expect(live()).toBe(0);
  });

  it("lets go of what is kept, until it is disposed", async () => {
    const t = scope(() => {
      const made = tensor([1, 2], [2]);
      keep(made);
      scale(made, 2);
      return made;
    });
    expect(live()).toBe(1);
    expect(Array.from(await t.data())).toEqual([1, 2]);
    t.dispose();
    expect(live()).toBe(0);
  });

  it("waits for an asynchronous body before it frees", async () => {
    const sum = await scopeAsync(async () => {
      const t = tensor([1, 2, 3], [3]);
      await Promise.resolve();
      return Array.from(await t.data()).reduce((a, b) => a + b, 0);
    });
    expect(sum).toBe(6);
    expect(live()).toBe(0);
  });

  it("does not free a tensor that was disposed inside", () => {
    scope(() => tensor([1], [1]).dispose());
    expect(live()).toBe(0);
  });
});

describe("a tensor", () => {
  it("may be disposed twice, once to effect, and is named when it is used afterwards", async () => {
    const t = tensor([1], [1]);
    const other = t.retain();
    t.dispose();
    t.dispose();
    expect(Array.from(await other.data())).toEqual([1]);
    await expect(t.data()).rejects.toThrow(
      new BackendError("read: the tensor [1] was already disposed: keep() it, or return it from its scope"),
    );
    expect(() => t.retain()).toThrow("retain: the tensor [1] was already disposed");
    expect(() => scale(t, 2)).toThrow("scale: the tensor [1] was already disposed");
  });

  it("shares its memory with views and second handles until the last one is gone", async () => {
    const t = tensor([1, 2, 3, 4], [4]);
    const view = reshape(t, [2, 2]);
    const second = view.retain();
    t.dispose();
    view.dispose();
    expect(live()).toBe(1);
    expect(Array.from(await second.data())).toEqual([1, 2, 3, 4]);
    second.dispose();
    expect(live()).toBe(0);
  });

  it("comes back from bf16 rounded to nearest even, with NaN and infinities", async () => {
    const t = tensor([1.00390625, 1.01171875, Number.NaN, Number.POSITIVE_INFINITY, 3.4e38, -0], [6], "bf16");
    expect(Array.from(await t.data())).toEqual([
      1,
      1.015625,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      -0,
    ]);
    t.dispose();
  });

  it("of no elements works like any other", async () => {
    const t = tensor([], [0, 3]);
    const y = scale(t, 2);
    expect((await y.data()).length).toBe(0);
    t.dispose();
    y.dispose();
  });
});

describe("the pool", () => {
  it("hands a freed buffer out again and never asks the system twice", () => {
    let allocations = 0;
    const backend = createReferenceBackend();
    setDefaultDevice(
      new Device({
        ...backend,
        allocate(bytes) {
          allocations++;
          return backend.allocate(bytes);
        },
      }),
    );
    for (let i = 0; i < 10; i++) scope(() => void unary("square", tensor(new Float32Array(1000), [1000])));
    expect(allocations).toBe(2);
    expect(defaultDevice().memory().heldBytes).toBe(2 * sizeClass(4000));
    defaultDevice().trim();
    expect(defaultDevice().memory().heldBytes).toBe(0);
  });

  it("rounds sizes up by an eighth at most", () => {
    for (let bytes = 1; bytes < 1 << 20; bytes = Math.ceil(bytes * 1.037)) {
      expect(sizeClass(bytes)).toBeGreaterThanOrEqual(bytes);
      if (bytes > 256) expect(sizeClass(bytes) / bytes).toBeLessThanOrEqual(1.125);
      expect(sizeClass(sizeClass(bytes))).toBe(sizeClass(bytes));
    }
  });

  it("hands out a cached buffer that is a little larger than asked for, but none much larger", () => {
    setDefaultDevice(new Device(createReferenceBackend()));
    scope(() => void empty([3000], "u8"));
    scope(() => void empty([2100], "u8"));
    expect(defaultDevice().memory().heldBytes).toBe(sizeClass(3000));
    scope(() => void empty([1800], "u8"));
    expect(defaultDevice().memory().heldBytes).toBe(sizeClass(3000) + sizeClass(1800));
    defaultDevice().trim();
  });

  it("holds at most a quarter more than ever lived at once, however many sizes come by", () => {
    const backend = createReferenceBackend();
    setDefaultDevice(new Device({ ...backend, allocate: (sizeBytes) => ({ sizeBytes }), write: () => {} }));
    const MIB = 2 ** 20;
    for (let mib = 100; mib < 200; mib += 3) scope(() => void empty([mib, MIB], "u8"));
    const { peakLiveBytes, heldBytes } = defaultDevice().memory();
    expect(heldBytes).toBeGreaterThanOrEqual(peakLiveBytes);
    expect(heldBytes).toBeLessThanOrEqual(1.25 * peakLiveBytes + 32 * MIB);
    defaultDevice().trim();
    expect(defaultDevice().memory().heldBytes).toBe(0);
  });

  it("gives cached buffers back before it reports that memory is out", () => {
    const backend = createReferenceBackend();
    let free = 10_000;
    const tight: Backend = {
      ...backend,
      allocate(bytes) {
        if (bytes > free) throw new BackendError("out of memory");
        free -= bytes;
        return backend.allocate(bytes);
      },
      release: (buffer) => void (free += buffer.sizeBytes),
    };
    setDefaultDevice(new Device(tight));
    scope(() => void empty([1500], "f32"));
    expect(scope(() => empty([2000], "f32").sizeBytes)).toBe(8000);
    expect(() => empty([4000], "f32")).toThrow("out of memory");
    expect(defaultDevice().memory().heldBytes).toBe(0);
    expect(live()).toBe(0);
  });
});

describe("dispatch", () => {
  const matrix = (rows: number, columns: number, dtype: "f32" | "bf16" | "i32" = "f32") =>
    tensor(new Float32Array(rows * columns), [rows, columns], dtype);

  it("says what was expected and what came when shapes do not fit", () => {
    scope(() => {
      expect(() => linear(matrix(2, 3), matrix(4, 5))).toThrow(
        new ShapeError(
          "gemm: expected matrices with equal inner sizes (transA false, transB true), got f32[2,3], f32[4,5]",
        ),
      );
      expect(() => add(matrix(2, 3), matrix(2, 4))).toThrow(
        "addScaled: expected two operands of one shape, got f32[2,3], f32[2,4]",
      );
      expect(() => rmsNorm(matrix(2, 3), tensor([1, 1], [2]), 1e-6)).toThrow(
        "rmsNorm: expected x [rows,d] and an f32 weight [d], got f32[2,3], f32[2]",
      );
      expect(() => swiglu(matrix(2, 3))).toThrow(ShapeError);
      expect(() => concatLast(matrix(2, 3), matrix(3, 3))).toThrow(ShapeError);
      expect(() => reshape(matrix(2, 3), [4])).toThrow(
        "reshape: expected a shape of 6 elements instead of [4], got f32[2,3]",
      );
      expect(() => tensor([1, 2, 3], [2])).toThrow("tensor: 3 values do not fill shape [2]");
      expect(() => fromBytes(new Uint8Array(3), [1], "f32")).toThrow("fromBytes: 3 bytes do not fill f32[1]");
    });
  });

  it("refuses an output of another size or type", () => {
    scope(() => {
      const [a, b, y] = [matrix(2, 3), matrix(2, 3), matrix(2, 2)];
      expect(() => dispatch(addScaledOp, [a, b], { alpha: 1, beta: 1, dtype: "f32" }, [y])).toThrow(
        "addScaled: output f32[2,3] cannot go into f32[2,2]",
      );
    });
  });

  it("refuses operands of two devices, and an op that the backend lacks", () => {
    const here = matrix(2, 2);
    const other = createReferenceBackend();
    setDefaultDevice(
      new Device({
        ...other,
        name: "elsewhere",
        kernels: { ...other.kernels, gemm: { unsupported: "no matrix unit" } },
      }),
    );
    const there = matrix(2, 2);
    expect(() => add(here, there)).toThrow("addScaled: operands live on two devices, reference and elsewhere");
    expect(() => matmul(there, there)).toThrow(
      new BackendError("gemm is not supported by the elsewhere backend: no matrix unit"),
    );
  });

  it("counts work: floating-point operations, bytes, calls, and time by op", () => {
    const before = { ...defaultDevice().meter };
    defaultDevice().startProfile();
    scope(() => void matmul(matrix(4, 5), matrix(5, 6)));
    const profile = defaultDevice().stopProfile();
    expect(defaultDevice().meter.flops - before.flops).toBe(2 * 4 * 5 * 6);
    expect(defaultDevice().meter.bytes - before.bytes).toBe(4 * (20 + 30 + 24));
    expect(profile.get("gemm")).toMatchObject({ calls: 1, flops: 240 });
    expect(defaultDevice().stopProfile().size).toBe(0);
  });

  it("writes into given memory", async () => {
    const [a, y] = [tensor([1, 2], [2]), tensor([0, 0], [2])];
    const [out] = dispatch(addScaledOp, [a, a], { alpha: 1, beta: 2, dtype: "f32" }, [y]);
    expect(out).toBe(y);
    expect(Array.from(await y.data())).toEqual([3, 6]);
    writeTensor(y, new Uint8Array(8));
    expect(Array.from(await y.data())).toEqual([0, 0]);
    for (const t of [a, y]) t.dispose();
    expect(live()).toBe(0);
  });

  it("gives a value its own name, and a second handle the same", () => {
    scope(() => {
      const a = tensor([1], [1]);
      const second = a.retain();
      expect(second.id).toBe(a.id);
      expect(tensor([1], [1]).id).not.toBe(a.id);
      expect(second).toBeInstanceOf(Tensor);
      second.dispose();
    });
  });
});
