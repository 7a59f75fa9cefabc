// Servers in processes of their own, ours and llama.cpp's: started on a free port, awaited, ended. Knows no request.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../src/package-root.js";
import { startProcess } from "./processes.js";

/** A server that takes requests. */
export interface ServerProcess {
  readonly port: number;
  /** Asks it to end, and waits until it has. */
  end(): Promise<void>;
}

const START_MS = 300_000;

/** Starts `luciole serve <model>` with more flags. Throws an Error with its last words where it does not start. */
export async function startOurs(model: string, flags: readonly string[]): Promise<ServerProcess> {
  const main = join(packageRoot(), "dist", "src", "cli", "main.js");
  const child = startProcess(process.execPath, [main, "serve", model, "--port", "0", "--json", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const errors = lastWords(child);
  const lines = createInterface(child.stdout as NodeJS.ReadableStream)[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) throw new Error(`luciole serve ended: ${errors()}`);
  const { port } = new URL((JSON.parse(first.value) as { url: string }).url);
  return { port: Number(port), end: () => end(child) };
}

/** Where llama.cpp's server lies; null with a line on how to get one. */
export function llamaServer(log: (line: string) => void): string | null {
  const folder = join(packageRoot(), "bench", "peers", "llama-cpp");
  const path = process.env.LUCIOLE_LLAMA_SERVER ?? join(folder, "build", "server", "bin", "llama-server");
  if (existsSync(path)) return path;
  log(`llama.cpp's server is not installed (no ${path}); see bench/peers/llama-cpp/README.md`);
  return null;
}

/** Starts llama.cpp's server on `file`, with `slots` of so many tokens each. Throws as `startOurs`. */
export async function startLlama(
  path: string,
  file: string,
  { slots, tokens, threads }: { readonly slots: number; readonly tokens: number; readonly threads: number },
): Promise<ServerProcess> {
  const port = await freePort();
  const size = ["--parallel", `${slots}`, "--ctx-size", `${slots * tokens}`, "--threads", `${threads}`];
  const child = startProcess(path, ["--model", file, "--port", `${port}`, ...size, "--threads-batch", `${threads}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const errors = lastWords(child);
  const deadline = performance.now() + START_MS;
  while (!(await isHealthy(port))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`llama-server ended: ${errors()}`);
    if (performance.now() > deadline) throw new Error(`llama-server does not answer: ${errors()}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { port, end: () => end(child) };
}

const isHealthy = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/health`).then(
    ({ status }) => status === 200,
    () => false,
  );

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** The last line that a process writes on standard error. */
function lastWords(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.on("data", (chunk) => (text = `${text}${chunk}`.slice(-4000)));
  return () => text.trim().split("\n").at(-1) || "no message";
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const killing = setTimeout(() => child.kill("SIGKILL"), 40_000);
  await once(child, "exit");
  clearTimeout(killing);
}
