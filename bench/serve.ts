// Claims on `luciole serve`: it stands a thousand clients, HTTP costs little, and beside llama.cpp's server it is fast.
// Each part is in a file of its own: serve-load, serve-rates.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Device, setDefaultDevice } from "../src/tensor/device.js";
import { nativeBackend } from "./ceilings.js";
import { type BenchOptions, type Claim, type Line, SERVE_PARTS } from "./claim.js";
import { loadLines } from "./serve-load.js";
import { costLines, peerLines } from "./serve-rates.js";

const PARTS: Readonly<
  Record<(typeof SERVE_PARTS)[number], (options: BenchOptions, folder: string) => Promise<Line[]>>
> = { load: loadLines, cost: costLines, peers: peerLines };

/** One part that fails leaves the others their figures. */
const notMeasured =
  (part: string) =>
  (error: Error): Line[] => [
    { claim: "serve", what: `${part}: not measured`, unit: "", ours: Number.NaN, failure: error.message },
  ];

export const serve: Claim = async (options) => {
  setDefaultDevice(new Device(nativeBackend(options.threads)));
  const folder = mkdtempSync(join(tmpdir(), "luciole-bench-"));
  const lines: Line[] = [];
  try {
    for (const part of SERVE_PARTS)
      if (options.parts.includes(part)) lines.push(...(await PARTS[part](options, folder).catch(notMeasured(part))));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return lines;
};
