// `luciole doctor`: what this machine has, what it lacks, and the command that mends each lack.
import { execFileSync } from "node:child_process";
import { accessSync, constants, statfsSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { openMachine } from "../backends/machine.js";
import { supportedIsas } from "../backends/native/cpu.js";
import { availableIsas } from "../backends/native/kernel-files.js";
import { LucioleError } from "../errors.js";
import { availableBytes } from "../free-memory.js";
import { formatMemory } from "../number-text.js";
import { writeResult } from "./run-verb.js";

/** Flags as commander gives them. */
export interface DoctorFlags {
  readonly json?: boolean;
  readonly threads?: number;
}

interface Finding {
  readonly name: string;
  /** `missing` keeps Luciole from working as it should; `note` is worth knowing. */
  readonly status: "ok" | "note" | "missing";
  readonly found: string;
  readonly mend?: string;
}

/** Prints all findings. Throws LucioleError when something is missing. */
export async function doctor(flags: DoctorFlags): Promise<void> {
  const findings = [nodeVersion(), cpu(), compiler(), kernels(), ...(await speed(flags)), memory(), disk()];
  const missing = findings.filter(({ status }) => status === "missing");
  writeResult(flags.json, { healthy: missing.length === 0, findings }, () => findings.map(line));
  if (missing.length > 0)
    throw new LucioleError(
      `missing: ${missing.map(({ name, mend }) => `${name}${mend ? ` (${mend})` : ""}`).join("; ")}`,
    );
}

function line({ name, status, found, mend }: Finding): string {
  const mark = { ok: "✓", note: "•", missing: "✗" }[status];
  return `${mark} ${name.padEnd(14)}${found}${mend ? `; ${mend}` : ""}`;
}

function nodeVersion(): Finding {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const isRecent = major > 20 || (major === 20 && minor >= 19);
  return isRecent
    ? { name: "Node", status: "ok", found: process.versions.node }
    : {
        name: "Node",
        status: "missing",
        found: `${process.versions.node}, but 20.19 or newer is needed`,
        mend: "install a current version from nodejs.org",
      };
}

function cpu(): Finding {
  const isas = supportedIsas();
  const found =
    `${cpus()[0]?.model.trim() || process.arch}, ${availableParallelism()} threads, supported kernels: ` +
    `${isas.join(", ") || "none"}`;
  return isas.length > 0
    ? { name: "CPU", status: "ok", found }
    : { name: "CPU", status: "note", found, mend: "only plain TypeScript runs on this CPU, hundreds of times slower" };
}

function compiler(): Finding {
  const name = "C++ compiler";
  for (const command of [process.env.CXX, "g++", "clang++", "c++"]) {
    if (!command) continue;
    try {
      const version = execFileSync(command, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
      return { name, status: "ok", found: version.split("\n")[0] };
    } catch {}
  }
  const isBuilt = availableIsas().length > 0;
  return { name, status: isBuilt ? "note" : "missing", found: "none", mend: `install one: ${installCommand()}` };
}

const INSTALLERS: readonly (readonly [string, string])[] = [
  ["apt-get", "apt-get install -y g++"],
  ["dnf", "dnf install -y gcc-c++"],
  ["apk", "apk add g++"],
  ["pacman", "pacman -S --noconfirm gcc"],
  ["brew", "brew install gcc"],
];

function installCommand(): string {
  for (const [tool, command] of INSTALLERS) {
    try {
      execFileSync(tool, ["--version"], { stdio: "ignore" });
      return command;
    } catch {}
  }
  return "GCC 10, Clang 14 or newer";
}

function kernels(): Finding {
  const [best] = supportedIsas();
  const built = availableIsas();
  if (built.length === 0)
    return {
      name: "kernels",
      status: "note",
      found: "not built yet",
      mend: "they are built on first use, or now with npx luciole setup",
    };
  if (built[0] !== best)
    return {
      name: "kernels",
      status: "note",
      found: `${built.join(", ")}, but not ${best}, the best set for this CPU`,
      mend: "run npx luciole setup",
    };
  return { name: "kernels", status: "ok", found: built.join(", ") };
}

async function speed({ threads }: DoctorFlags): Promise<Finding[]> {
  const machine = await openMachine({ threads, builds: false, warn: () => {} });
  if (machine.isa === "reference") return [];
  const peak = (compute: "f32" | "bf16") => `${(machine.peakFlops(compute) / 1e9).toFixed(0)} GFLOP/s`;
  return [
    {
      name: "speed",
      status: "ok",
      found: `measured peak on ${machine.threads} threads: ${peak("f32")} f32, ${peak("bf16")} bf16 (${machine.isa})`,
    },
  ];
}

const ENOUGH_MEMORY_BYTES = 2 * 2 ** 30;
const ENOUGH_DISK_BYTES = 2 ** 30;

function memory(): Finding {
  const free = availableBytes();
  const found = `${formatMemory(free)} free of ${formatMemory(totalmem())}`;
  return free >= ENOUGH_MEMORY_BYTES
    ? { name: "memory", status: "ok", found }
    : {
        name: "memory",
        status: "note",
        found,
        mend: "luciole zero needs about 2 GiB: close other programs, or lower rl.microBatchTokens",
      };
}

function disk(): Finding {
  const stats = statfsSync(".");
  const free = stats.bavail * stats.bsize;
  const found = `${formatMemory(free)} free here`;
  try {
    accessSync(".", constants.W_OK);
  } catch {
    return {
      name: "disk",
      status: "note",
      found: `${found}, not writable`,
      mend: "choose another place for runs with --out",
    };
  }
  return free >= ENOUGH_DISK_BYTES
    ? { name: "disk", status: "ok", found }
    : { name: "disk", status: "note", found, mend: "free some space, or choose another place for runs with --out" };
}
