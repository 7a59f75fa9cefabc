// Clients of a server under load, in a process of their own: `node serve-clients.js PORT CLIENTS SECONDS SEED CASES`.
// Each asks one thing after another: most read to the end, others leave, do not read for a while, or never send what
// they announce. Writes what came of it as a line of JSON. Raw sockets, so that a client costs little, and a low
// priority, so that clients take the time that the server leaves.
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { getPriority, setPriority } from "node:os";
import { Random } from "../src/random.js";

/** A streamed request, and the text that it must get. */
export interface LoadCase {
  /** JSON. */
  readonly body: string;
  readonly text: string;
}

/** What became of requests. */
export interface ClientTally {
  /** Read to the end, and right. */
  whole: number;
  /** Left on the way, and right so far. */
  cancelled: number;
  /** Of the whole and the cancelled, those not read for a while. */
  stalled: number;
  /** Begun and never sent. */
  halfOpen: number;
  /** Refused, or ended early by the server. */
  lost: number;
  wrong: number;
  /** Got the text of another. */
  crossed: number;
  /** Some of what went wrong. */
  readonly faults: string[];
}

const [port, numClients, seconds, seed] = process.argv.slice(2, 6).map(Number);
const cases = JSON.parse(readFileSync(process.argv[6], "utf8")) as LoadCase[];
const random = new Random(seed + 1);
const tally: ClientTally = {
  whole: 0,
  cancelled: 0,
  stalled: 0,
  halfOpen: 0,
  lost: 0,
  wrong: 0,
  crossed: 0,
  faults: [],
};
setPriority(Math.min(19, getPriority() + 5));
const endMs = performance.now() + seconds * 1000;
/** Clients come one after another in so many milliseconds. */
const RAMP_MS = 15_000;
/** How long a client waits for an answer to go on. */
const PATIENCE_MS = 120_000;

await Promise.all(Array.from({ length: numClients }, (_, i) => client((i * RAMP_MS) / numClients)));
process.stdout.write(`${JSON.stringify(tally)}\n`);

async function client(startsInMs: number): Promise<void> {
  await pause(startsInMs);
  while (performance.now() < endMs) {
    const kind = random.float();
    if (kind < 0.05) await halfOpen();
    else await ask(cases[random.below(cases.length)], kind < 0.2, kind > 0.95);
  }
}

/** Announces a body, sends some of it, and leaves after a while. */
async function halfOpen(): Promise<void> {
  const { body } = cases[0];
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  socket.write(head(body) + body.slice(0, random.below(body.length)));
  await pause(1000 + random.below(4000));
  socket.destroy();
  tally.halfOpen++;
}

function head(body: string): string {
  const length = Buffer.byteLength(body);
  return `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`;
}

/** Asks for a stream; a client that leaves does so after some chunks, one that stalls does not read for seconds. */
function ask({ body, text }: LoadCase, leaves: boolean, stalls: boolean): Promise<void> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const leavesAfter = leaves ? random.below(30) : Number.POSITIVE_INFINITY;
    const socket = connect(port, "127.0.0.1");
    const end = (how: "left" | "closed" | "silent") => {
      clearTimeout(timer);
      socket.removeAllListeners().on("error", () => {});
      socket.destroy();
      judge(Buffer.concat(chunks).toString(), text, how);
      if (stalls) tally.stalled++;
      resolve();
    };
    const timer = setTimeout(() => end("silent"), PATIENCE_MS);
    socket.on("data", (chunk) => {
      if (chunks.push(chunk) > leavesAfter) end("left");
      else if (stalls && chunks.length === 2) void stall(socket);
    });
    socket.on("error", () => end("closed"));
    socket.on("close", () => end("closed"));
    socket.write(head(body) + body);
  });
}

async function stall(socket: Socket): Promise<void> {
  socket.pause();
  await pause(2000 + random.below(8000));
  socket.resume();
}

function judge(answer: string, text: string, how: "left" | "closed" | "silent"): void {
  const said = [...answer.matchAll(/^data: (\{.*\})$/gm)].map(([, event]) => textOf(event)).join("");
  const isWhole = answer.includes("data: [DONE]");
  if (how === "left" || isWhole) {
    if (isWhole ? said === text : text.startsWith(said)) tally[how === "left" ? "cancelled" : "whole"]++;
    else note(cases.some((each) => each.text === said) ? "crossed" : "wrong", `${said} for ${text}`);
  } else note("lost", `${how}: ${answer.slice(0, 60)} … ${answer.slice(-200)}`);
}

function textOf(event: string): string {
  return (JSON.parse(event) as { choices: readonly { readonly text?: string }[] }).choices[0]?.text ?? "";
}

function note(what: "lost" | "wrong" | "crossed", fault: string): void {
  tally[what]++;
  if (tally.faults.length < 3) tally.faults.push(`${what}: ${JSON.stringify(fault.slice(0, 300))}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
