// Keeps two pulls from writing the same partial files. Knows processes and one file, no models.
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { HubError } from "../errors.js";

/** Runs `body` while `path` names this process. A lock whose process has ended is taken over. Throws HubError when another one holds it. */
export async function whileLocked<R>(path: string, body: () => Promise<R>): Promise<R> {
  await mkdir(dirname(path), { recursive: true });
  await take(path);
  try {
    return await body();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const handle = await open(path, "wx");
      await handle.writeFile(`${process.pid} ${hostname()}`);
      return await handle.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const [pid, host] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    if (tries > 0 || host !== hostname() || isAlive(Number(pid))) {
      const whose = host ? `process ${pid} on ${host}` : "another process";
      throw new HubError(`${whose} is pulling this model; wait for it, or remove ${path} when it is gone`);
    }
    await rm(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
