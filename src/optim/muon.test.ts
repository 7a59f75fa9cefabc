// Claims about Muon: a step is near orthogonal, whichever side of the matrix is longer.
import { beforeAll, expect, test } from "vitest";
import { Random } from "../random.js";
import { createReferenceBackend } from "../tensor/backends/reference/backend.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { scope, tensor } from "../tensor/engine.js";
import { orthogonalise } from "./muon.js";

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
