// Claim: while an engine in a thread of its own computes, this thread's timers come at most 5 ms late (99th
// percentile). Beside it how late they come on this machine while nothing runs, in place of a ceiling; and what the
// thread costs: its speed against that of an engine in this thread, by turns.
import { type OpenedEngine, openEngine } from "../src/inference/opening/open-engine.js";
import { randomPrompt } from "../src/inference/runtime/measure.js";
import { Device, setDefaultDevice } from "../src/tensor/device.js";
import { nativeBackend } from "./ceilings.js";
import { type Claim, type Line, median, percentile } from "./claim.js";

const MODEL = "random:r1-distill-qwen-1.5b:layers=8@q8_0";
const ROUNDS = 5;

/** What runs while the timers are watched. */
interface Load {
  readonly what: string;
  readonly streams: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}
const LOADS: readonly Load[] = [
  { what: "a prefill of 512 tokens", streams: 1, promptTokens: 512, newTokens: 1 },
  { what: "decoding one stream", streams: 1, promptTokens: 8, newTokens: 48 },
  { what: "decoding 16 streams", streams: 16, promptTokens: 8, newTokens: 16 },
];

export const worker: Claim = async ({ threads, log }) => {
  setDefaultDevice(new Device(nativeBackend(threads)));
  const settings = { cacheTokens: 4096, speculation: "none", prefixCache: false } as const;
  const there = await openEngine(MODEL, { ...settings, thread: { backend: "native", threads } });
  const here = await openEngine(MODEL, settings);
  const lines: Line[] = [];
  for (const load of LOADS) {
    const line = await loadLine(load, there, here);
    lines.push(line);
    log(`${line.what}: ${line.ours.toFixed(2)} ms late`);
  }
  await Promise.all([there.dispose(), here.dispose()]);
  return lines;
};

async function loadLine(load: Load, there: OpenedEngine, here: OpenedEngine): Promise<Line> {
  const [busy, idle, blocked]: number[][] = [[], [], []];
  const ratios: number[] = [];
  for (let i = 0; i <= ROUNDS; i++) {
    const [quiet, inThread, inThis] = [
      await watched(() => new Promise((resolve) => setTimeout(resolve, 300))),
      await watched(() => run(load, there, i)),
      await watched(() => run(load, here, i)),
    ];
    if (i === 0) continue; // warms up
    idle.push(...quiet.lateMs);
    busy.push(...inThread.lateMs);
    blocked.push(...inThis.lateMs);
    ratios.push(inThis.seconds / inThread.seconds);
  }
  const ours = percentile(busy, 0.99);
  return {
    claim: "worker",
    what: `how late a 1 ms timer comes during ${load.what}`,
    unit: "ms",
    ours,
    ceiling: percentile(idle, 0.99),
    reached: ours,
    target: { atMost: 5 },
    note:
      `99th percentile, at most ${percentile(busy, 1).toFixed(1)}; in this thread ${percentile(blocked, 0.5).toFixed(0)} ` +
      `(median); speed in the thread ${median(ratios).toFixed(3)} of that in this one`,
  };
}

async function run({ streams, promptTokens, newTokens }: Load, { engine }: OpenedEngine, seed: number): Promise<void> {
  const { vocabSize } = engine.limits;
  const requests = Array.from({ length: streams }, (_, i) =>
    engine.submit({
      prompt: randomPrompt(seed * streams + i, promptTokens, vocabSize),
      maxNewTokens: newTokens,
      loop: false,
    }),
  );
  const read = async (request: (typeof requests)[number]) => {
    for await (const _ of request);
  };
  await Promise.all(requests.map(read));
}

/** How late each timer of 1 ms came while `body` was awaited. */
async function watched(body: () => Promise<unknown>): Promise<{ lateMs: number[]; seconds: number }> {
  const lateMs: number[] = [];
  let isOver = false;
  const watching = (async () => {
    for (let before = performance.now(); !isOver; before = performance.now()) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      lateMs.push(performance.now() - before - 1);
    }
  })();
  const started = performance.now();
  await body();
  const seconds = (performance.now() - started) / 1000;
  isOver = true;
  await watching;
  return { lateMs, seconds };
}
