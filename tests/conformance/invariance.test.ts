// What the bits of a native result depend on: not on the number of threads, not on the other rows of a batch, not on a
// row's place in it.
import { afterAll, describe, expect, it } from "vitest";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { dispatch, empty, scope } from "../../src/tensor/engine.js";
import type { OpName } from "../../src/tensor/ops/index.js";
import { nativeBackends } from "./backends.js";
import { type Case, casesOf, initialOutput, opNames, specOf } from "./cases.js";
import { rowCases } from "./row-cases.js";
import { bytesOnDevice, upload } from "./upload.js";
import type { HostOperand } from "./values.js";

/** The bytes of the outputs, then of the inputs written in place. */
async function bytesOf(c: Pick<Case, "op" | "inputs" | "params"> & { id?: string }): Promise<Uint8Array[]> {
  const spec = specOf(c.op);
  const reads = scope(() => {
    const inputs = c.inputs.map((x) => x && upload(x));
    const into = spec.infer(c.inputs, c.params).map((o, i) => {
      if (!c.params.accumulate) return empty(o.shape, o.dtype);
      return upload({ ...initialOutput({ ...c, id: c.id ?? "", label: "" }, i, o.shape), dtype: o.dtype });
    });
    const outputs = dispatch(spec, inputs, c.params, into);
    return [...outputs, ...(spec.mutates ?? []).flatMap((i) => inputs[i] ?? [])].map(bytesOnDevice);
  });
  return Promise.all(reads);
}

describe.each(nativeBackends.map((backend) => ({ isa: backend.isa, backend })))("native $isa", ({ backend }) => {
  afterAll(() => backend.setThreads(2));

  it.each(opNames)("%s has the same bits on one, two and three threads", async (op: OpName) => {
    setDefaultDevice(new Device(backend));
    for (const c of casesOf(op)) {
      const results: Uint8Array[][] = [];
      for (const threads of [1, 2, 3]) {
        backend.setThreads(threads);
        results.push(await bytesOf(c));
      }
      const [one, ...others] = results;
      for (const more of others)
        expect(
          more.map((b, i) => Buffer.compare(b, one[i])),
          `${op} (${c.label})`,
        ).toEqual(one.map(() => 0));
    }
    backend.setThreads(2);
  });

  it.each(rowCases.map((c) => [c.label, c] as const))("a row of %s does not depend on the other rows", async (_, c) => {
    setDefaultDevice(new Device(backend));
    const rowBytes = (all: Uint8Array, rows: number, row: number) =>
      all.subarray((all.byteLength / rows) * row, (all.byteLength / rows) * (row + 1));
    const outputsOf = async (rows: number) =>
      (await bytesOf({ op: c.op, inputs: c.inputs(rows), params: c.params })).filter((_, i) =>
        c.rowOutputs.includes(i),
      );
    const [many, few] = [await outputsOf(200), await outputsOf(3)];
    for (const rows of [1, 2, 17, 64, 65]) {
      const some = await outputsOf(rows);
      for (const [i, bytes] of some.entries()) {
        for (const row of new Set([0, rows >> 1, rows - 1])) {
          const same = Buffer.compare(rowBytes(bytes, rows, row), rowBytes(many[i], 200, row)) === 0;
          expect(same, `${c.label}: output ${i}, row ${row} of ${rows} against 200 rows`).toBe(true);
        }
      }
    }
    // The same row at another place: the last of the three is the first one again when the inputs are turned round.
    const turned = await bytesOf({
      op: c.op,
      params: c.params,
      inputs: c.inputs(3).map((x, i) => (x && c.rowInputs.includes(i) ? reversed(x, 3) : x)),
    });
    for (const [i, bytes] of turned.filter((_, k) => c.rowOutputs.includes(k)).entries())
      for (const row of [0, 1, 2])
        expect(
          Buffer.compare(rowBytes(bytes, 3, row), rowBytes(few[i], 3, 2 - row)),
          `${c.label}: row ${row} turned round`,
        ).toBe(0);
  });
});

function reversed(x: HostOperand, rows: number): HostOperand {
  const width = x.data.length / rows;
  const data = new Float64Array(x.data.length);
  for (let r = 0; r < rows; r++) data.set(x.data.subarray(r * width, (r + 1) * width), (rows - 1 - r) * width);
  return { ...x, data };
}
