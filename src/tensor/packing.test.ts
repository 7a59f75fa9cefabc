// Weights packed in slices, as they are read from files.
import { beforeAll, expect, test } from "vitest";
import { openBackend } from "../backends/open.js";
import { encodeE4m3Blocks, encodeRows } from "./block-encoders.js";
import { Device, setDefaultDevice } from "./device.js";
import { alias, fromBytes, scopeAsync, tensor } from "./engine.js";
import { storedLinear } from "./ops/stored.js";
import { emptyForParts, packInto, packStored } from "./packing.js";

const [ROWS, WIDTH, SLICE] = [400, 512, 128];
const wave = (n: number, step: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * step));

beforeAll(async () => setDefaultDevice(new Device(await openBackend())));

test.each(["q8_0", "q4_0", "q4_k", "q6_k", "e4m3"] as const)(
  "%s packed slice by slice is what it is packed at once",
  async (type) => {
    await scopeAsync(async () => {
      const values = wave(ROWS * WIDTH, 0.7);
      const fp8 = type === "e4m3" ? encodeE4m3Blocks(values, ROWS, WIDTH) : null;
      const weights = fromBytes(fp8 ? fp8.bytes : encodeRows(type, values, WIDTH), [ROWS, WIDTH], type);
      const scales = fp8 && tensor(fp8.scales, [Math.ceil(ROWS / 128), WIDTH / 128]);
      const atOnce = packStored(weights, scales);
      const sliced = emptyForParts([ROWS, WIDTH], type, [ROWS]);
      if (!atOnce || !sliced) return expect(atOnce).toBe(sliced); // a backend without a packed layout
      for (let at = 0; at < ROWS; at += SLICE) {
        const count = Math.min(SLICE, ROWS - at);
        const own = scales && alias(scales, [Math.ceil(count / 128), WIDTH / 128], (at / 128) * (WIDTH / 128));
        packInto(alias(weights, [count, WIDTH], at * WIDTH), own, sliced, at);
      }
      const x = tensor(wave(3 * WIDTH, 1.3), [3, WIDTH]);
      expect(await storedLinear(x, sliced).data()).toEqual(await storedLinear(x, atOnce).data());
    });
  },
);
