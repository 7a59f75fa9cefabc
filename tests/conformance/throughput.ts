// Prints the speed of every native kernel on the runner's larger shapes: `node dist/tests/conformance/throughput.js [op
// …]`. A first look at a kernel; the claims are measured in bench/.
import { pathToFileURL } from "node:url";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { dispatch, empty, scope } from "../../src/tensor/engine.js";
import type { OpName } from "../../src/tensor/ops/index.js";
import { nativeBackends } from "./backends.js";
import { type Case, initialOutput, largerCases, opNames, specOf } from "./cases.js";
import { upload } from "./upload.js";

/** Seconds of one call: the median of batches of calls that last about a millisecond each. */
function secondsOf(c: Case): number {
  const spec = specOf(c.op);
  return scope(() => {
    const inputs = c.inputs.map((x) => x && upload(x));
    const outputs = spec
      .infer(c.inputs, c.params)
      .map((o, i) =>
        c.params.accumulate ? upload({ ...initialOutput(c, i, o.shape), dtype: o.dtype }) : empty(o.shape, o.dtype),
      );
    const run = (calls: number) => {
      const started = performance.now();
      for (let i = 0; i < calls; i++) dispatch(spec, inputs, c.params, outputs);
      return (performance.now() - started) / 1000 / calls;
    };
    const calls = Math.max(1, Math.round(1e-3 / Math.max(run(3), 1e-7)));
    return Array.from({ length: 15 }, () => run(calls)).sort((a, b) => a - b)[7];
  });
}

/** One line a case: shapes, microseconds, GFLOP/s and GB/s by the op's own cost. */
export function throughputLines(ops: readonly OpName[]): string[] {
  const lines: string[] = [];
  for (const backend of nativeBackends) {
    setDefaultDevice(new Device(backend));
    lines.push(backend.description);
    for (const c of ops.flatMap(largerCases)) {
      const seconds = secondsOf(c);
      const cost = specOf(c.op).cost?.(c.inputs, specOf(c.op).infer(c.inputs, c.params), c.params);
      const rate = (work: number | undefined) => (work ? (work / seconds / 1e9).toFixed(1) : "–").padStart(8);
      const shapes = c.inputs.map((x) => (x ? `${x.dtype}[${x.shape}]` : "–")).join(" ");
      lines.push(
        `${c.op.padEnd(20)}${(seconds * 1e6).toFixed(1).padStart(9)} µs${rate(cost?.flops)} ` +
          `GFLOP/s${rate(cost?.bytes)} GB/s  ${shapes}`,
      );
    }
  }
  return lines;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const wanted = process.argv.slice(2);
  for (const line of throughputLines(opNames.filter((op) => wanted.length === 0 || wanted.includes(op))))
    console.log(line);
}
