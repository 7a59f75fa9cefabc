// Claims about autograd: gradients gather without aliasing, recompute equals stored to the bit, nothing stays
// allocated.
import { beforeEach, describe, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { Device, defaultDevice, setDefaultDevice } from "./device.js";
import { alias, copyBytes, dispatch, isRecording, keep, scope, tensor } from "./engine.js";
import {
  add,
  addScaled,
  binary,
  cast,
  castOp,
  concatLast,
  scale,
  scaleBy,
  splitLast,
  unary,
} from "./ops/elementwise.js";
import { swiglu } from "./ops/glu.js";
import { headMatmul, linear, matmul } from "./ops/linear.js";
import { rmsNorm } from "./ops/norm.js";
import { dot, sumAll } from "./ops/reduce.js";
import { Parameter } from "./parameter.js";
import { recompute } from "./recompute.js";
import { noGrad, type Tape, withTape } from "./tape.js";
import type { Tensor } from "./tensor.js";
import { reshape } from "./view.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

/** Numbers that differ from each other and are exact in bf16. */
const ramp = (n: number, step = 0.25, from = -1) => Array.from({ length: n }, (_, i) => from + step * (i % 13));

function parameter(values: readonly number[], shape: readonly number[], name = "p"): Parameter {
  return scope(() => new Parameter(tensor(values, shape), name));
}

const gradientOf = async (p: Parameter) => Array.from(await (p.grad as Tensor).data());

describe("backward", () => {
  it("adds up the uses of one tensor: x twice, three times, with itself", async () => {
    const x = parameter([1, 2, 3], [3]);
    withTape((tape) => scope(() => tape.backward(sumAll(add(x, x)))));
    expect(await gradientOf(x)).toEqual([2, 2, 2]);
    x.clearGrad();
    withTape((tape) => scope(() => tape.backward(sumAll(add(add(x, x), x)))));
    expect(await gradientOf(x)).toEqual([3, 3, 3]);
    x.clearGrad();
    withTape((tape) => scope(() => tape.backward(sumAll(binary("mul", x, x)))));
    expect(await gradientOf(x)).toEqual([2, 4, 6]);
  });

  it(
    "keeps the branches of a residual apart: x + f(x) does not " + "write into the gradient that f still reads",
    async () => {
      const x = parameter([1, 2, 3], [3]);
      // y = x + x²; z = y + 3y; dz/dx = 4(1 + 2x)
      withTape((tape) =>
        scope(() => {
          const y = add(x, unary("square", x));
          tape.backward(sumAll(addScaled(y, y, 1, 3)));
        }),
      );
      expect(await gradientOf(x)).toEqual([12, 20, 28]);
    },
  );

  it("keeps a chain of residual matrix products right, with gradients of intermediates added in place", async () => {
    const x = parameter(ramp(12), [3, 4]);
    const w = parameter(ramp(16, 0.125), [4, 4]);
    const forward = (xs: Tensor, ws: Tensor) => {
      const a = linear(xs, ws, { residual: xs });
      const b = linear(a, ws, { residual: a });
      return sumAll(binary("mul", add(b, a), b));
    };
    withTape((tape) => scope(() => tape.backward(forward(x, w))));
    const loss = async (xv: number[], wv: number[]) => {
      const value = scope(() => keep(forward(tensor(xv, [3, 4]), tensor(wv, [4, 4]))));
      const number = await value.item();
      value.dispose();
      return number;
    };
    for (const [p, at] of [
      [x, 5],
      [w, 6],
    ] as const) {
      const h = 1 / 64;
      const shifted = async (sign: number) => {
        const [xv, wv] = [ramp(12), ramp(16, 0.125)];
        (p === x ? xv : wv)[at] += sign * h;
        return loss(xv, wv);
      };
      const slope = ((await shifted(1)) - (await shifted(-1))) / (2 * h);
      expect(Math.abs((await gradientOf(p))[at] - slope) / Math.abs(slope)).toBeLessThan(2e-3);
    }
  });

  it("refuses an op without a gradient above a parameter, by name, instead of leaving it untrained", () => {
    const w = new Parameter(tensor(ramp(8 * 32), [32, 8]), "below.weight");
    const folded = tensor(ramp(12 * 8), [12, 8]);
    const forward = () =>
      headMatmul(reshape(linear(tensor(ramp(16), [2, 8]), w), [2, 4, 8]), folded, {
        rowOffset: 0,
        rows: 3,
        transposed: false,
      });
    const refusal =
      "headMatmul has no gradient, and parameter below.weight lies below it: run it under noGrad if that " +
      "is intended, otherwise freeze";
    expect(() => withTape(() => scope(() => void forward()))).toThrow(refusal);
    expect(() => noGrad(() => scope(() => void forward()))).not.toThrow();
    w.requiresGrad = false;
    expect(() => withTape(() => scope(() => void forward()))).not.toThrow();
  });

  it("refuses a gradient rule that leaves out an input which needs one", () => {
    const [x, factor] = [parameter([1, 2], [2]), new Parameter(tensor([2], [1]), "factor")];
    expect(() => withTape((tape) => scope(() => tape.backward(sumAll(scaleBy(x, factor)))))).toThrow(
      "scaleBy has no gradient for all its inputs, and parameter factor",
    );
  });

  it("refuses plain second handles and copies of what is being differentiated", () => {
    const x = parameter([1, 2], [2]);
    const into = keep(tensor([0, 0], [2]));
    expect(() => withTape(() => scope(() => void alias(x, [2])))).toThrow("alias: the gradient of [2] would end here");
    expect(() => withTape(() => scope(() => copyBytes(x, into, 0)))).toThrow(
      "copyBytes: the gradient of [2] would end here",
    );
    expect(scope(() => alias(x, [1], 1).size)).toBe(1);
  });

  it("adds to the gradient of a parameter over several backward passes", async () => {
    const w = parameter(ramp(6), [2, 3]);
    const once = () => withTape((tape) => scope(() => tape.backward(sumAll(linear(tensor(ramp(12), [4, 3]), w)))));
    once();
    const single = await gradientOf(w);
    once();
    expect(await gradientOf(w)).toEqual(single.map((g) => 2 * g));
  });

  it("does not touch a gradient that somebody else holds", async () => {
    const w = parameter([1, 2], [2]);
    const once = () => withTape((tape) => scope(() => tape.backward(sumAll(unary("square", w)))));
    once();
    const held = (w.grad as Tensor).retain();
    once();
    expect(Array.from(await held.data())).toEqual([2, 4]);
    expect(await gradientOf(w)).toEqual([4, 8]);
    held.dispose();
  });

  it("sends given gradients from several roots, and leaves them as they were", async () => {
    const x = parameter([1, 2, 3], [3]);
    const seed = keep(tensor([1, 10, 100], [3]));
    withTape((tape) =>
      scope(() => {
        const a = scale(x, 2);
        const b = unary("square", x);
        tape.backward([
          { value: a, grad: seed },
          { value: b, grad: seed },
        ]);
      }),
    );
    expect(await gradientOf(x)).toEqual([4, 60, 800]);
    expect(Array.from(await seed.data())).toEqual([1, 10, 100]);
    seed.dispose();
  });

  it("passes through views, splits and joins", async () => {
    const x = parameter(ramp(12), [3, 4]);
    const weights = ramp(12, 0.5, 1);
    withTape((tape) =>
      scope(() => {
        const [a, b] = splitLast(x, 1);
        const swapped = concatLast(b, a);
        tape.backward(dot(reshape(swapped, [4, 3]), tensor(weights, [4, 3])));
      }),
    );
    const expected = [0, 1, 2].flatMap((r) => [
      weights[r * 4 + 3],
      weights[r * 4],
      weights[r * 4 + 1],
      weights[r * 4 + 2],
    ]);
    expect(await gradientOf(x)).toEqual(expected);
  });

  it("passes through a split of which only one part is used", async () => {
    const x = parameter([1, 2, 3, 4], [2, 2]);
    withTape((tape) => scope(() => tape.backward(sumAll(splitLast(x, 1)[1]))));
    expect(await gradientOf(x)).toEqual([0, 1, 0, 1]);
  });

  it("passes through a device-side factor", async () => {
    const x = parameter([1, 2, 3], [3]);
    withTape((tape) => scope(() => tape.backward(sumAll(scaleBy(x, tensor([5], [1]))))));
    expect(await gradientOf(x)).toEqual([5, 5, 5]);
  });

  it("puts the gradient of a bf16 copy into the f32 master, exactly as wide as f32", async () => {
    const w = parameter(ramp(8), [2, 4]);
    scope(() => w.attachComputeCopy(keep(cast(w, "bf16"))));
    const x = [1.0009765625, 0, 0, 0]; // rounds to 1 in bf16, not in f32
    withTape((tape) =>
      scope(() => tape.backward(sumAll(linear(tensor(x, [1, 4]), w.computeCopy as Tensor, { dtype: "f32" })))),
    );
    expect(w.grad?.dtype).toBe("f32");
    expect(await gradientOf(w)).toEqual([...x, ...x]);
    w.clearGrad();
    // As the left operand of a product, too, where the rule's own result has the operand's type.
    withTape((tape) =>
      scope(() =>
        tape.backward(sumAll(matmul(w.computeCopy as Tensor, tensor(ramp(8), [4, 2], "bf16"), { dtype: "f32" }))),
      ),
    );
    expect(w.grad?.dtype).toBe("f32");
    withTape((tape) =>
      scope(() =>
        tape.backward(sumAll(matmul(w.computeCopy as Tensor, tensor(ramp(8), [4, 2], "bf16"), { dtype: "f32" }))),
      ),
    );
    expect(await gradientOf(w)).toEqual(
      [...Array(2)].flatMap(() => [0, 1, 2, 3].map((k) => 2 * (ramp(8)[2 * k] + ramp(8)[2 * k + 1]))),
    );
    w.dispose();
  });

  it("leaves an unused parameter without a gradient", () => {
    const [x, unused] = [parameter([1], [1]), parameter([1], [1])];
    withTape((tape) => scope(() => tape.backward(sumAll(scale(x, 2)))));
    expect(unused.grad).toBeNull();
  });

  it("wants a scalar, a value of its own tape, and no tape inside a tape", () => {
    const x = parameter([1, 2], [2]);
    expect(() => withTape((tape) => scope(() => tape.backward(scale(x, 2))))).toThrow("scalar");
    expect(() => withTape((tape) => tape.backward(sumAll(tensor([1], [1]))))).toThrow(
      "backward: nothing on this tape leads to the value [1]: it depends on nothing that is trained",
    );
    expect(() => withTape(() => withTape(() => 0))).toThrow("one tape at a time");
    expect(isRecording()).toBe(false);
  });
});

describe("noGrad", () => {
  it("records nothing, and recording goes on after it", async () => {
    const x = parameter([1, 2], [2]);
    withTape((tape) =>
      scope(() => {
        const frozen = noGrad(() => unary("square", x));
        expect(frozen.requiresGrad).toBe(false);
        tape.backward(sumAll(binary("mul", frozen, x)));
      }),
    );
    expect(await gradientOf(x)).toEqual([1, 4]);
  });
});

/** One small network with every kind of reuse; `wrap` decides how its block runs. */
function network(wrap: (block: (x: Tensor) => Tensor, x: Tensor) => Tensor) {
  const x = parameter(ramp(12), [3, 4], "x");
  const gain = parameter(ramp(4, 0.125, 0.5), [4], "gain");
  const up = parameter(ramp(32, 0.0625), [8, 4], "up");
  const down = parameter(ramp(16, 0.125, -0.5), [4, 4], "down");
  const block = (h: Tensor) => linear(swiglu(linear(rmsNorm(h, gain, 1e-6), up)), down, { residual: h });
  const loss = () => {
    const first = wrap(block, x);
    const second = wrap(block, first);
    return sumAll(unary("square", second));
  };
  return { parameters: [x, gain, up, down], loss };
}
const stored = (block: (x: Tensor) => Tensor, x: Tensor) => block(x);
const checkpointed = (block: (x: Tensor) => Tensor, x: Tensor) => recompute((h) => [block(h)], [x])[0];
const nested = (block: (x: Tensor) => Tensor, x: Tensor) => recompute((h) => recompute((g) => [block(g)], [h]), [x])[0];

async function gradientsOf(wrap: typeof stored): Promise<Uint8Array[]> {
  const { parameters, loss } = network(wrap);
  withTape((tape) => scope(() => tape.backward(loss())));
  const bytes = await Promise.all(parameters.map((p) => (p.grad as Tensor).bytes()));
  for (const p of parameters) p.dispose();
  return bytes;
}

describe("recompute", () => {
  it("gives the gradients of the stored pass bit for bit, nested as well", async () => {
    const expected = await gradientsOf(stored);
    expect(await gradientsOf(checkpointed)).toEqual(expected);
    expect(await gradientsOf(nested)).toEqual(expected);
  });

  it("gives the parameters inside their gradients where its inputs need none", async () => {
    const w = parameter(ramp(4), [2, 2]);
    withTape((tape) =>
      scope(() => tape.backward(sumAll(recompute((x) => [linear(x, w)], [tensor([1, 2], [1, 2])])[0]))),
    );
    expect(await gradientOf(w)).toEqual([1, 2, 1, 2]);
  });

  it("holds fewer bytes at its peak than the stored pass", () => {
    const peak = (wrap: typeof stored) => {
      setDefaultDevice(new Device(createReferenceBackend()));
      const w = parameter(ramp(24 * 24, 0.01), [24, 24]);
      const block = (h: Tensor) => linear(unary("tanh", linear(unary("tanh", linear(h, w)), w)), w);
      withTape((tape) =>
        scope(() => {
          let h: Tensor = linear(tensor(ramp(24 * 24), [24, 24]), w);
          for (let i = 0; i < 6; i++) h = scope(() => wrap(block, h));
          tape.backward(sumAll(h));
        }),
      );
      return defaultDevice().memory().peakLiveBytes;
    };
    expect(peak(checkpointed)).toBeLessThan(0.6 * peak(stored));
  });
});

describe("memory of a step", () => {
  it("leaves as many live buffers as before, stored and recomputed, and reuses them in the next step", () => {
    for (const wrap of [stored, checkpointed]) {
      const { parameters, loss } = network(wrap);
      const step = () => {
        withTape((tape) => scope(() => tape.backward(loss())));
        for (const p of parameters) p.clearGrad();
      };
      step();
      const before = defaultDevice().memory();
      for (let i = 0; i < 5; i++) step();
      expect(defaultDevice().memory()).toEqual(before);
      for (const p of parameters) p.dispose();
    }
  });

  it("frees a tape that never went backward, and one whose body failed", () => {
    const { parameters, loss } = network(stored);
    const before = defaultDevice().memory().liveBuffers;
    withTape(() => scope(() => void loss()));
    expect(defaultDevice().memory().liveBuffers).toBe(before);
    expect(() =>
      withTape(() =>
        scope(() => {
          loss();
          throw new Error("mid-step");
        }),
      ),
    ).toThrow("mid-step");
    expect(defaultDevice().memory().liveBuffers).toBe(before);
    expect(parameters.every((p) => p.grad === null)).toBe(true);
  });

  it("frees what a failing gradient rule was given", () => {
    const x = parameter([1, 2, 3], [3]);
    const failing: typeof castOp = {
      ...castOp,
      vjp: () => {
        throw new Error("rule failed");
      },
    };
    const before = defaultDevice().memory().liveBuffers;
    const step = (tape: Tape) => {
      const [y] = dispatch(failing, [x], { dtype: "f32" });
      tape.backward(sumAll(add(unary("square", y), y)));
    };
    expect(() => withTape((tape) => scope(() => step(tape)))).toThrow("rule failed");
    expect(defaultDevice().memory().liveBuffers).toBe(before);
  });

  it("refuses a root's gradient of another size", () => {
    const x = parameter([1, 2, 3], [3]);
    expect(() =>
      withTape((tape) => scope(() => tape.backward([{ value: scale(x, 2), grad: tensor([1, 2], [2]) }]))),
    ).toThrow("gradient [2] for a value [3]");
  });
});
