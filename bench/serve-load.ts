// A thousand clients at once on a tiny model, some of which leave, do not read on or never finish their request: what
// became of their streams, of the server's memory, and of whoever asks whether it lives. Clients and the one who asks
// are processes of their own, so that the time that they take is not the server's.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../src/package-root.js";
import type { BenchOptions, Line } from "./claim.js";
import { startProcess } from "./processes.js";
import type { ClientTally, LoadCase } from "./serve-clients.js";
import type { HealthTimes } from "./serve-health.js";
import { startOurs } from "./serve-process.js";

/** A small model of every kind of layer, which has learnt next to nothing. */
const MODEL = join(packageRoot(), "tests", "e2e", "former-runs", "pretrain");
const CLIENTS = 1000;
const CLIENT_PROCESSES = 2;
const CASES = 64;
/** Seconds until all clients are there, and the server has met them. */
const WARM_UP_SECONDS = 20;
const IDLE_SECONDS = 5;

/** Puts the server under load and tells what came of it. */
export async function loadLines({ minutes, log }: BenchOptions, folder: string): Promise<Line[]> {
  // All clients stream at once: a place and room in the cache for each.
  const room = ["--max-sequences", `${CLIENTS}`, "--max-queue", `${CLIENTS}`, "--cache-tokens", `${CLIENTS * 256}`];
  const server = await startOurs(`m=${MODEL}`, room);
  try {
    const { port } = server;
    const cases = await casesOf(port);
    const file = join(folder, "cases.json");
    writeFileSync(file, JSON.stringify(cases));
    const idle = (await child("serve-health.js", [port, IDLE_SECONDS])) as HealthTimes;
    log(`serve: ${CLIENTS} clients for ${minutes} minutes …`);
    const seconds = minutes * 60;
    const clients = Array.from({ length: CLIENT_PROCESSES }, (_, i) =>
      child("serve-clients.js", [port, CLIENTS / CLIENT_PROCESSES, seconds + WARM_UP_SECONDS, i, file]),
    );
    const [tallies, health, memory] = await Promise.all([
      Promise.all(clients) as Promise<ClientTally[]>,
      pause(WARM_UP_SECONDS).then(() => child("serve-health.js", [port, seconds])) as Promise<HealthTimes>,
      memoryOver(port, seconds),
    ]);
    const left = await whatIsLeft(port);
    return [outcomeLine(tallies, minutes), leftLine(left), healthLine(health, idle), memoryLine(memory)];
  } finally {
    await server.end();
  }
}

/** Requests, and the text that each gets while the server does nothing else. */
async function casesOf(port: number): Promise<LoadCase[]> {
  const cases: LoadCase[] = [];
  for (let i = 0; i < CASES; i++) {
    const prompt = `${i} ${(i * 7) % 10} ${(i * 3) % 10} = ${(i * 11) % 100}`;
    // The second token ends texts: without it all are as long as they may be.
    const body = { prompt, seed: i, temperature: 1, max_tokens: 20 + ((i * 13) % 100), logit_bias: { 1: -100 } };
    const reply = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    const { choices } = (await reply.json()) as { choices: readonly { readonly text: string }[] };
    cases.push({ body: JSON.stringify({ ...body, stream: true }), text: choices[0].text });
  }
  return cases;
}

/** Runs a script beside this one to its end; gives the JSON that it writes. */
async function child(script: string, args: readonly (string | number)[]): Promise<unknown> {
  const path = join(dirname(fileURLToPath(import.meta.url)), script);
  const running = startProcess(process.execPath, [path, ...args.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface(running.stdout as NodeJS.ReadableStream)) return JSON.parse(line);
  throw new Error(`${script} ended without a result`);
}

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

interface ServerStatus {
  readonly process: { readonly memoryBytes: number };
  readonly models: readonly [
    { readonly active: number; readonly stats: Readonly<Record<"running" | "waiting" | "blocksUsed", number>> },
  ];
}

const statusOf = async (port: number): Promise<ServerStatus> =>
  (await (await fetch(`http://127.0.0.1:${port}/luciole/status`)).json()) as ServerStatus;

const memoryOf = async (port: number): Promise<number> => (await statusOf(port)).process.memoryBytes;

/** Memory of the server's process when all clients are there, half-way, and at the end. */
async function memoryOver(port: number, seconds: number): Promise<number[]> {
  await pause(WARM_UP_SECONDS);
  const memory = [await memoryOf(port)];
  for (let i = 0; i < 2; i++) {
    await pause(seconds / 2);
    memory.push(await memoryOf(port));
  }
  return memory;
}

/** What the server still holds once all clients are gone, and it has had the time to see it. */
async function whatIsLeft(port: number): Promise<{ requests: number; blocks: number }> {
  for (let i = 0; ; i++) {
    const [{ active, stats }] = (await statusOf(port)).models;
    const left = { requests: active + stats.running + stats.waiting, blocks: stats.blocksUsed };
    if (left.requests + left.blocks === 0 || i === 30) return left;
    await pause(1);
  }
}

function outcomeLine(tallies: readonly ClientTally[], minutes: number): Line {
  const sum = (key: Exclude<keyof ClientTally, "faults">) => tallies.reduce((total, tally) => total + tally[key], 0);
  const ours = sum("lost") + sum("wrong") + sum("crossed");
  const faults = tallies.flatMap((tally) => tally.faults).slice(0, 3);
  return {
    claim: "serve",
    what: `${CLIENTS} streams at once for ${minutes} min: lost, wrong or crossed`,
    unit: "streams",
    ours,
    reached: ours,
    target: { atMost: 0 },
    note:
      `${sum("whole")} whole and right, ${sum("cancelled")} left by their clients, ${sum("stalled")} not read for a ` +
      `while, ${sum("halfOpen")} begun and never sent; lost ${sum("lost")}, wrong ${sum("wrong")}, crossed ` +
      `${sum("crossed")}${faults.length > 0 ? `: ${faults.join("; ")}` : ""}`,
  };
}

function leftLine({ requests, blocks }: { requests: number; blocks: number }): Line {
  const note = requests === 0 ? "no request left" : `${requests} requests left`;
  const line = { claim: "serve", what: "cache blocks used when all have left", unit: "blocks", note } as const;
  return { ...line, ours: blocks, reached: blocks + requests, target: { atMost: 0 } };
}

function healthLine(health: HealthTimes, idle: HealthTimes): Line {
  return {
    claim: "serve",
    what: "/health meanwhile, 99th percentile",
    unit: "ms",
    ours: health.p99Ms,
    ceiling: idle.p99Ms,
    reached: health.p99Ms,
    target: { atMost: 50 },
    note:
      `${health.count} questions from a process of its own, half of them over new connections; median ` +
      `${health.medianMs.toFixed(1)}, longest ${health.longestMs.toFixed(0)}, failed ${health.failed}; timers of that ` +
      `process came ${health.lateMs.toFixed(1)} ms late (99th percentile); the ceiling is the idle server`,
  };
}

function memoryLine(memory: readonly number[]): Line {
  const [start, middle, end] = memory.map((bytes) => bytes / 2 ** 20);
  return {
    claim: "serve",
    what: "memory at the end / in the middle",
    unit: "x",
    ours: end / middle,
    reached: end / middle,
    target: { atMost: 1.1 },
    note: `${start.toFixed(0)} MiB at the start, ${middle.toFixed(0)} in the middle, ${end.toFixed(0)} at the end`,
  };
}
