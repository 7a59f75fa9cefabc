// Asks a server again and again whether it lives, in a process of its own: `node serve-health.js PORT SECONDS`. Writes
// the times of the answers as a line of JSON. It asks at its times, whether the last answer has come or not.
import { Agent, get } from "node:http";
import { percentile } from "./claim.js";

/** How long answers took. */
export interface HealthTimes {
  readonly count: number;
  readonly failed: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** How late this process's own timers came, 99th percentile: what of the times is not the server's. */
  readonly lateMs: number;
}

const EVERY_MS = 25;
const TIME_OUT_MS = 10_000;

const [port, seconds] = process.argv.slice(2).map(Number);
const kept = new Agent({ keepAlive: true });
const times: number[] = [];
const late: number[] = [];
let failed = 0;

const count = Math.round((seconds * 1000) / EVERY_MS);
const startedMs = performance.now();
const answers: Promise<void>[] = [];
for (let i = 0; i < count; i++) {
  const dueMs = startedMs + i * EVERY_MS;
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
  late.push(performance.now() - dueMs);
  answers.push(ask(i % 2 === 0 ? kept : new Agent()));
}
await Promise.all(answers);
kept.destroy();
process.stdout.write(`${JSON.stringify(summary())}\n`);

function ask(agent: Agent): Promise<void> {
  const askedMs = performance.now();
  return new Promise((resolve) => {
    const fail = () => {
      failed++;
      times.push(TIME_OUT_MS);
      resolve();
    };
    const asked = get({ port, host: "127.0.0.1", path: "/health", agent, timeout: TIME_OUT_MS }, (response) => {
      response.resume().on("end", () => {
        times.push(performance.now() - askedMs);
        resolve();
      });
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer"))).on("error", fail);
  });
}

function summary(): HealthTimes {
  return {
    count: times.length,
    failed,
    medianMs: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    longestMs: percentile(times, 1),
    lateMs: percentile(late, 0.99),
  };
}
