// Compiles native/ into one Node-API module per instruction set: build/native/<isa>.node.
// Unchanged sources are not compiled again. `--isa NAME` builds one; `--clean` starts over.
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = promisify(execFile);
const common = ["-std=c++20", "-O3", "-fPIC", "-pthread", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-psabi", "-Wno-ignored-attributes", "-DNAPI_VERSION=8"];

/** Instruction sets by architecture, with the compiler flags of each. `probe` is the baseline that says what the CPU has. */
const targets = {
  x64: {
    "x86-64-v3": ["-march=x86-64-v3"],
    avx512: ["-march=x86-64-v4", "-mavx512bf16", "-mavx512vnni", "-mavx512vbmi", "-mprefer-vector-width=512"],
  },
  arm64: { armv8: ["-march=armv8.2-a+fp16+dotprod"] },
};

export function findCompiler() {
  for (const name of [process.env.CXX, "g++", "clang++", "c++"]) {
    if (!name) continue;
    try {
      execFileSync(name, ["--version"], { stdio: "ignore" });
      return name;
    } catch {}
  }
  return undefined;
}

function sources(folder) {
  return readdirSync(join(root, "native", folder)).filter((f) => f.endsWith(".cpp")).sort().map((f) => join("native", folder, f));
}

function headersDigest() {
  const hash = createHash("sha256");
  for (const folder of ["kernels", "binding"])
    for (const f of readdirSync(join(root, "native", folder)).filter((f) => f.endsWith(".h")).sort()) hash.update(readFileSync(join(root, "native", folder, f)));
  return hash.digest("hex");
}

async function compileAll(jobs) {
  const queue = [...jobs];
  const lane = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await job();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

export async function buildNative({ isa, log = console.error } = {}) {
  const compiler = findCompiler();
  if (!compiler) throw new Error("no C++ compiler found: install g++ (Debian/Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install)");
  const variants = targets[process.arch];
  if (!variants) throw new Error(`no native build for ${process.arch}; the reference backend is used`);
  const include = createRequire(import.meta.url)("node-api-headers").include_dir;
  const outDir = join(root, "build", "native");
  mkdirSync(outDir, { recursive: true });
  const headers = headersDigest();
  const compilerVersion = execFileSync(compiler, ["--version"]).toString().split("\n")[0];
  const started = Date.now();
  const jobs = [];
  const links = [];
  for (const [name, flags] of Object.entries(variants)) {
    if (isa && isa !== name) continue;
    const objects = [];
    const objDir = join(outDir, name);
    mkdirSync(objDir, { recursive: true });
    let dirty = false;
    for (const source of [...sources("kernels"), ...sources("binding")]) {
      const args = [...common, ...flags, "-I", include, "-I", join(root, "native", "kernels")];
      const stamp = createHash("sha256").update(compilerVersion).update(args.join(" ")).update(headers).update(readFileSync(join(root, source))).digest("hex");
      const object = join(objDir, `${source.replaceAll(/[\\/]/g, "_")}.${stamp.slice(0, 16)}.o`);
      objects.push(object);
      if (existsSync(object)) continue;
      dirty = true;
      jobs.push(() => run(compiler, [...args, "-c", join(root, source), "-o", object], { maxBuffer: 1 << 26 }).then(({ stderr }) => stderr && log(stderr)));
    }
    const output = join(outDir, `${name}.node`);
    const listing = objects.join("\n");
    const manifest = `${output}.objects`;
    if (!dirty && existsSync(output) && existsSync(manifest) && readFileSync(manifest, "utf8") === listing) continue;
    links.push(async () => {
      const undefinedSymbols = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
      // Linked under a temporary name and renamed, so that a process that has the old module mapped is not disturbed.
      await run(compiler, ["-shared", "-pthread", ...undefinedSymbols, ...objects, "-o", `${output}.new`]);
      const { renameSync } = await import("node:fs");
      renameSync(`${output}.new`, output);
      writeFileSync(manifest, listing);
      for (const f of readdirSync(objDir)) if (!objects.includes(join(objDir, f))) rmSync(join(objDir, f));
    });
  }
  await compileAll(jobs);
  for (const link of links) await link();
  if (jobs.length || links.length) log(`native kernels built: ${jobs.length} files in ${((Date.now() - started) / 1000).toFixed(1)} s (${compiler})`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--clean")) rmSync(join(root, "build", "native"), { recursive: true, force: true });
  const at = process.argv.indexOf("--isa");
  try {
    await buildNative({ isa: at > 0 ? process.argv[at + 1] : undefined });
  } catch (error) {
    console.error(error.stderr || error.message);
    process.exit(1);
  }
}
