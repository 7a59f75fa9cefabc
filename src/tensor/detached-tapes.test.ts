// Claims about tapes as objects: several wait at once, each runs backward alone, from given gradients, or in halves.
import { beforeEach, describe, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { Device, defaultDevice, setDefaultDevice } from "./device.js";
import { keep, scope, tensor } from "./engine.js";
import { add, unary } from "./ops/elementwise.js";
import { swiglu } from "./ops/glu.js";
import { linear } from "./ops/linear.js";
import { rmsNorm } from "./ops/norm.js";
import { sumAll } from "./ops/reduce.js";
import { embedding } from "./ops/rows.js";
import { Parameter } from "./parameter.js";
import { recompute } from "./recompute.js";
import { leaf, Tape } from "./tape.js";
import type { Tensor } from "./tensor.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

/** Irregular numbers: sums of them in another order differ in their last bits. */
const numbers = (n: number, seed: number) => Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233));
const parameter = (shape: readonly number[], seed: number): Parameter =>
  scope(() => new Parameter(tensor(numbers(shape[0] * (shape[1] ?? 1), seed), shape), `p${seed}`));

/** Two residual blocks over the rows of a table that the head shares. `isRecomputed`: blocks keep only their input. */
function network(isRecomputed = false) {
  const table = parameter([7, 4], 1);
  const blocks = [2, 3].map((seed) => ({
    gain: parameter([4], seed),
    up: parameter([8, 4], 10 * seed),
    down: parameter([4, 4], 20 * seed),
  }));
  const block = (i: number, x: Tensor): Tensor => {
    const { gain, up, down } = blocks[i];
    const run = (h: Tensor) => linear(swiglu(linear(rmsNorm(h, gain, 1e-6), up)), down, { residual: h });
    return isRecomputed ? recompute((h) => [run(h)], [x])[0] : run(x);
  };
  const embed = (ids: readonly number[]) => embedding(table, tensor(ids, [ids.length], "i32"));
  const head = (x: Tensor) => sumAll(unary("tanh", linear(x, table)));
  const parameters: Parameter[] = [table, ...blocks.flatMap((b) => Object.values(b))];
  return { parameters, embed, block, head, loss: (ids: readonly number[]) => head(block(1, block(0, embed(ids)))) };
}
type Network = ReturnType<typeof network>;

const gradients = ({ parameters }: Network) => Promise.all(parameters.map((p) => (p.grad as Tensor).bytes()));
const [first, second] = [
  [1, 5, 1, 2],
  [6, 0, 2],
];

/** Records the loss of some tokens on a tape of its own. */
function recorded(net: Network, ids: readonly number[]): { tape: Tape; loss: Tensor } {
  const tape = new Tape();
  return { tape, loss: keep(scope(() => tape.record(() => net.loss(ids)))) };
}

/** Gradients of micro-batches one after the other, each with its tape gone before the next. */
async function oneAfterTheOther(batches: readonly (readonly number[])[], isRecomputed = false) {
  const net = network(isRecomputed);
  for (const ids of batches) {
    const { tape, loss } = recorded(net, ids);
    tape.backward(loss);
  }
  return gradients(net);
}

describe("two tapes in flight", () => {
  it.each([[false], [true]])(
    "give to the bit the gradients they give alone, in either order (recomputed: %s)",
    async (isRecomputed) => {
      for (const order of [
        [0, 1],
        [1, 0],
      ]) {
        const net = network(isRecomputed);
        const flights = [first, second].map((ids) => recorded(net, ids));
        for (const i of order) flights[i].tape.backward(flights[i].loss);
        const batches = order.map((i) => [first, second][i]);
        expect(await gradients(net)).toEqual(await oneAfterTheOther(batches, isRecomputed));
      }
    },
  );

  it("one can run backward while the other still records, between two of its parts", async () => {
    const net = network();
    const early = recorded(net, first);
    const tape = new Tape();
    const middle = keep(scope(() => tape.record(() => net.block(0, net.embed(second)))));
    early.tape.backward(early.loss);
    const loss = keep(scope(() => tape.record(() => net.head(net.block(1, middle)))));
    tape.backward(loss);
    expect(await gradients(net)).toEqual(await oneAfterTheOther([first, second]));
  });

  it("frees the memory of a tape that is dropped, of one whose body fails, and of one that ran", () => {
    const net = network();
    const live = () => defaultDevice().memory().liveBuffers;
    const before = live();
    const [dropped, ran] = [recorded(net, first), recorded(net, second)];
    const held = live();
    dropped.tape.dispose();
    expect(live()).toBeLessThan(held);
    ran.tape.backward(ran.loss);
    for (const p of net.parameters) p.clearGrad();
    for (const { loss } of [dropped, ran]) loss.dispose();
    expect(live()).toBe(before);
    const failing = new Tape();
    const body = () => {
      net.loss(first);
      throw new Error("mid-step");
    };
    expect(() => scope(() => failing.record(body))).toThrow("mid-step");
    expect(live()).toBe(before);
  });

  it("refuses a value of the other tape, and one of a tape that has run", () => {
    const net = network();
    const [one, other] = [recorded(net, first), recorded(net, second)];
    expect(() => one.tape.backward(other.loss)).toThrow("recorded on another tape");
    one.tape.backward(one.loss);
    expect(() => one.tape.backward(one.loss)).toThrow("this one has run backward before");
    other.tape.dispose();
  });
});

describe("a pipeline of two tapes", () => {
  it("passes hidden states on and gradients back, to the bit of the whole, also from disposed outputs", async () => {
    const net = network();
    const [front, back] = [new Tape(), new Tape()];
    const hidden = keep(scope(() => front.record(() => net.block(0, net.embed(first)))));
    const received = keep(scope(() => leaf(hidden)));
    hidden.dispose();
    const loss = keep(scope(() => back.record(() => net.head(net.block(1, received)))));
    const [grad] = keep(back.backward(loss, [received]));
    front.backward([{ value: hidden, grad: grad as Tensor }]);
    expect(await gradients(net)).toEqual(await oneAfterTheOther([first]));
  });

  it("gives null for an input that no gradient reaches", () => {
    const net = network();
    const [used, unused] = [1, 2].map((seed) => keep(scope(() => leaf(tensor(numbers(4, seed), [1, 4])))));
    const tape = new Tape();
    const loss = keep(scope(() => tape.record(() => net.head(used))));
    const [arrived, none] = scope(() => tape.backward(loss, [used, unused]).map((g) => g?.shape));
    expect([arrived, none]).toEqual([[1, 4], undefined]);
  });
});

describe("a backward pass in halves", () => {
  it.each([[false], [true]])(
    "gives the gradients of one pass to the bit, with others between (recomputed: %s)",
    async (isRecomputed) => {
      const net = network(isRecomputed);
      const flights = [first, second].map((ids) => recorded(net, ids));
      for (const { tape, loss } of flights) tape.backward(loss, [], { weightsLater: true });
      for (const { tape } of flights) tape.backwardWeights();
      expect(await gradients(net)).toEqual(await oneAfterTheOther([first, second], isRecomputed));
    },
  );

  it("leaves products with weights to the second half, and computes nothing twice", async () => {
    const x = keep(scope(() => leaf(tensor(numbers(12, 5), [3, 4]))));
    const { parameters, block, head } = network();
    const [, , up] = parameters;
    const meter = defaultDevice().meter;
    const record = (tape: Tape) => keep(scope(() => tape.record(() => head(block(0, x)))));
    const [whole, halves] = [new Tape(), new Tape()];
    const losses = [whole, halves].map(record);
    const flops = (run: () => void) => {
      const before = meter.flops;
      run();
      return meter.flops - before;
    };
    const inOne = flops(() => scope(() => void whole.backward(losses[0], [x])));
    for (const p of parameters) p.clearGrad();
    const inputs = flops(() => {
      const [grad] = scope(() => halves.backward(losses[1], [x], { weightsLater: true }).map((g) => g?.shape));
      expect(grad).toEqual([3, 4]);
    });
    expect(up.grad).toBeNull();
    const weights = flops(() => halves.backwardWeights());
    expect(up.grad).not.toBeNull();
    expect(inputs + weights).toBe(inOne);
    expect(weights).toBeGreaterThan(0.3 * inOne);
  });

  it("frees what waits for the second half when the tape is dropped", () => {
    const net = network();
    const before = defaultDevice().memory().liveBuffers;
    const { tape, loss } = recorded(net, first);
    tape.backward(loss, [], { weightsLater: true });
    tape.dispose();
    for (const p of net.parameters) p.clearGrad();
    loss.dispose();
    expect(defaultDevice().memory().liveBuffers).toBe(before);
  });
});

it("a leaf is a value of its own: its source's gradient stays untouched", async () => {
  const p = parameter([2, 2], 4);
  const tape = new Tape();
  const loss = keep(
    scope(() => {
      const cut = leaf(p);
      return tape.record(() => sumAll(add(cut, cut)));
    }),
  );
  tape.backward(loss);
  expect(p.grad).toBeNull();
});
