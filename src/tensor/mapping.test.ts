// Claims about files as tensors: parts are read in place as any type, ops take them, and the mapping ends with the last
// tensor on it. A device that maps no files says so.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { openBackend } from "../backends/open.js";
import { createReferenceBackend } from "../backends/reference.js";
import { Device, defaultDevice, setDefaultDevice } from "./device.js";
import { adviseMapped, bytesAs, copyBytes, empty, fromBytes, keep, mapFile, scope, scopeAsync } from "./engine.js";
import { scale } from "./ops/elementwise.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-mapping-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "file");
// One byte in front, so that the numbers lie where no typed array could begin.
const numbers = Float32Array.from({ length: 5000 }, (_, i) => i / 8);
writeFileSync(path, Buffer.concat([Buffer.from([7]), Buffer.from(numbers.buffer)]));
const sizeBytes = 1 + numbers.byteLength;

const backends = [await openBackend()].filter(({ files }) => files);

test("a device that maps no files says what to do instead", () => {
  const device = new Device(createReferenceBackend());
  expect(() => mapFile(path, sizeBytes, device)).toThrow(
    "the reference backend maps no files: read the file and call fromBytes",
  );
});

test("a part of bytes in memory begins anywhere, on a device without files too", async () => {
  setDefaultDevice(new Device(createReferenceBackend()));
  await scopeAsync(async () => {
    const part = bytesAs(fromBytes(readFileSync(path), [sizeBytes], "u8"), 1 + 4 * 100, [4, 10], "f32");
    expect(await part.data()).toEqual(numbers.slice(100, 140));
    expect(await scale(part, 2).data()).toEqual(numbers.slice(100, 140).map((x) => 2 * x));
  });
});

describe.each(backends)("on the $name backend", (backend) => {
  beforeEach(() => setDefaultDevice(new Device(backend)));

  test("a part of a mapped file is read in place, wherever it begins, also after its pages were dropped", async () => {
    await scopeAsync(async () => {
      const part = bytesAs(mapFile(path, sizeBytes), 1 + 4 * 100, [4, 10], "f32");
      expect(await part.data()).toEqual(numbers.slice(100, 140));
      adviseMapped(part, "drop");
      adviseMapped(part, "prefetch");
      expect(await scale(part, 2).data()).toEqual(numbers.slice(100, 140).map((x) => 2 * x));
    });
  });

  test("parts are stacked by copying bytes", async () => {
    await scopeAsync(async () => {
      const file = mapFile(path, sizeBytes);
      const stacked = empty([2, 3], "f32");
      copyBytes(bytesAs(file, 1 + 4 * 7, [3], "f32"), stacked, 12);
      copyBytes(bytesAs(file, 1, [3], "f32"), stacked, 0);
      expect(Array.from(await stacked.data())).toEqual([0, 1, 2, 7, 8, 9].map((i) => i / 8));
      expect(() => copyBytes(stacked, stacked, 4)).toThrow("leaves");
    });
  });

  test("a part outlives the handle on the whole, and takes no device memory", async () => {
    const before = defaultDevice().memory().liveBytes;
    const part = scope(() => keep(bytesAs(mapFile(path, sizeBytes), 0, [1], "u8")));
    expect(defaultDevice().memory().liveBytes).toBe(before);
    expect(Array.from(await part.data())).toEqual([7]);
    part.dispose();
  });

  test("a part beyond the file is a defect, a file that is not there an error with its name", () => {
    scope(() => {
      const file = mapFile(path, sizeBytes);
      expect(() => bytesAs(file, sizeBytes - 3, [1], "f32")).toThrow("leaves");
      expect(() => bytesAs(file, -1, [1], "u8")).toThrow("leaves");
    });
    expect(() => scope(() => mapFile(join(folder, "none"), 8))).toThrow("none");
  });
});
