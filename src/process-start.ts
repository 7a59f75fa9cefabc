// When a process of this machine began, as the system counts it. Numbers of processes are used again; with this they
// name one process.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Text that differs from that of any other process of this number; "" when it is at work but the system does not say;
 * undefined when there is none.
 */
export function processStart(pid: number): string | undefined {
  if (!exists(pid)) return undefined;
  return process.platform === "linux" ? linuxStart(pid) : otherStart(pid);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Of what follows the command's name, which may hold anything: the state, and 19 fields on the start in ticks since the
 * boot.
 */
function linuxStart(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === "") return "";
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z") return undefined; // ended; nobody has asked for its exit code yet
  return `${read("/proc/sys/kernel/random/boot_id").trim()} ${fields[19]}`;
}

function otherStart(pid: number): string {
  const { stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return (stdout ?? "").trim();
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
