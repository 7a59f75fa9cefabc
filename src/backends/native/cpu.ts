// Which builds of the kernels this machine's CPU can run. Knows nothing of files or of what was built.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A build of the kernels: the instruction set it was compiled for (the names in scripts/build-native.mjs). */
export type Isa = "avx512" | "x86-64-v3" | "armv8";

/** CPU features, as /proc/cpuinfo spells them, that each x86 build uses; best first. */
const x86Needs: readonly { isa: Isa; features: readonly string[] }[] = [
  {
    isa: "avx512",
    features: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_bf16", "avx512_vnni", "avx512vbmi"],
  },
  { isa: "x86-64-v3", features: ["avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"] },
];

/** Feature words of an x86 CPU in Linux's spelling; empty where the system does not tell. */
function x86Features(platform: NodeJS.Platform): Set<string> {
  try {
    if (platform === "linux")
      return new Set(/^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1].trim().split(/\s+/));
    if (platform === "darwin") {
      const text = execFileSync("sysctl", ["-n", "machdep.cpu.features", "machdep.cpu.leaf7_features"], {
        encoding: "utf8",
      });
      return new Set(text.toLowerCase().trim().split(/\s+/));
    }
  } catch {}
  return new Set();
}

/** The builds that a CPU with these features runs, best first. */
export function isasOf(arch: string, features: ReadonlySet<string>): Isa[] {
  if (arch === "arm64") return ["armv8"];
  if (arch !== "x64") return [];
  return x86Needs.filter((need) => need.features.every((f) => features.has(f))).map((need) => need.isa);
}

/** The builds that this machine runs, best first. */
export function supportedIsas(): Isa[] {
  return isasOf(process.arch, process.arch === "x64" ? x86Features(process.platform) : new Set());
}
