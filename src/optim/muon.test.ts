// Claims about Muon: a step is near orthogonal, whichever side of the matrix is longer.
import { beforeAll, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { Random } from "../random.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { keep, scope, tensor } from "../tensor/engine.js";
import { Parameter } from "../tensor/parameter.js";
import { type MatrixShape, Muon, orthogonalise } from "./muon.js";

beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));

test.each([
  [6, 10],
  [10, 6],
])("an orthogonalised %i x %i matrix has singular values near one", async (rows, columns) => {
  const values = new Float32Array(rows * columns);
  new Random(1).fillNormal(values, 0, 1e-3);
  const x = await scope(() => orthogonalise(tensor(values, [rows, columns]))).data();
  const [small, large] = [Math.min(rows, columns), Math.max(rows, columns)];
  const at = (i: number, j: number) => (rows <= columns ? x[i * columns + j] : x[j * columns + i]);
  for (let a = 0; a < small; a++)
    for (let b = 0; b < small; b++) {
      let sum = 0;
      for (let j = 0; j < large; j++) sum += at(a, j) * at(b, j);
      if (a === b) expect(sum).toBeGreaterThan(0.3);
      if (a === b) expect(sum).toBeLessThan(1.6);
      if (a !== b) expect(Math.abs(sum)).toBeLessThan(0.4);
    }
});

const gradients = (p: Parameter, values: readonly number[]) => {
  p.grad = keep(tensor(values, p.shape));
};

test("a matrix without gradient, beside one that has one, stays as it was but for its decay", async () => {
  const p = scope(() => keep(new Parameter(tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]), "experts")));
  gradients(p, [1, 0, 0, 1, 0, 0, 0, 0]);
  const muon = new Muon([p], { weightDecay: 0.5 });
  await muon.step(0.1);
  const after = Array.from(await p.data());
  expect(after.slice(4)).toEqual([5, 6, 7, 8].map((x) => Math.fround(x * (1 - 0.05))));
  for (const x of after) expect(Number.isFinite(x)).toBe(true);
  expect(after[0]).toBeLessThan(0.95);
});

test("matrices fused in one parameter move as they would apart", async () => {
  const [a, b] = [
    Array.from({ length: 6 }, (_, i) => Math.sin(i + 1)),
    Array.from({ length: 12 }, (_, i) => 3 * Math.cos(i)),
  ];
  const zeros = (n: number) => new Array<number>(n).fill(0);
  const make = (name: string, shape: readonly number[]) =>
    scope(() => keep(new Parameter(tensor(zeros(shape[0] * shape[1]), shape), name)));
  const [fused, first, second] = [make("fused", [6, 3]), make("first", [2, 3]), make("second", [4, 3])];
  gradients(fused, [...a, ...b]);
  gradients(first, a);
  gradients(second, b);
  const shapes = {
    fused: [
      [2, 3],
      [4, 3],
    ],
    first: [[2, 3]],
    second: [[4, 3]],
  } as unknown as Record<string, readonly MatrixShape[]>;
  const options = { maxNorm: Number.POSITIVE_INFINITY, matricesOf: (p: Parameter) => shapes[p.name] };
  await new Muon([fused], options).step(0.1);
  await new Muon([first, second], options).step(0.1);
  expect(Array.from(await fused.data())).toEqual([...(await first.data()), ...(await second.data())]);
});
