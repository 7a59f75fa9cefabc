// Compiles native/ into one Node-API module per instruction set: build/native/<isa>.node. Only what changed is compiled
// again. By default builds what this CPU runs best and refreshes what was built before; `--all` builds every set of
// this architecture, `--isa NAME` one; `--clean` starts over. LUCIOLE_OBJECTS names the folder of another build: what
// it compiled from the same sources is taken from there. Knows nothing of how the modules are loaded.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compilerHint, compilerVersion, findCompiler } from "./compiler.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const OUT_DIR = join(root, "build", "native");
const run = promisify(execFile);

const LANGUAGE = ["-std=c++20", "-fPIC", "-pthread", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden"];
const WARNINGS = ["-Wall", "-Wextra", "-Wno-psabi", "-Wno-ignored-attributes"];

/** Instruction sets by architecture, with the compiler flags of each. */
const TARGETS = {
  x64: {
    "x86-64-v3": ["-march=x86-64-v3"],
    avx512: ["-march=x86-64-v4", "-mavx512bf16", "-mavx512vnni", "-mavx512vbmi", "-mprefer-vector-width=512"],
  },
  arm64: { armv8: ["-march=armv8.2-a+fp16+dotprod"] },
};

/**
 * Stops at the first access outside an object and at whatever the language leaves undefined. Vectors may lie at the
 * address of any element. What an address says of its object, the address sanitiser sees at the access: asking twice
 * is a fifth of the compilation.
 */
const SANITIZERS = [
  "-fsanitize=address,undefined,float-cast-overflow",
  "-fno-sanitize=alignment,null,object-size,pointer-overflow",
  "-fno-sanitize-recover=all",
];

/** Kinds of builds: the flags that compiling and linking take besides those of the instruction set. */
export const KINDS = {
  fast: { flags: ["-O3"], linkFlags: [] },
  // Multiplications and additions become one instruction as in the fast kind: what rounding breaks there has to break
  // here.
  sanitized: {
    flags: ["-O1", "-fexpensive-optimizations", "-g1", "-fno-omit-frame-pointer", ...SANITIZERS],
    linkFlags: SANITIZERS,
  },
};

/**
 * The instruction set that all CPUs of this architecture share which run the kernels; undefined where there is none.
 */
export const baseIsa = () => Object.keys(TARGETS[process.arch] ?? {})[0];

/** What most kernels include of the system: parsed once when many are compiled, which saves a third of the work. */
const SYSTEM_HEADER = `#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif
`;
const FEWEST_FOR_SYSTEM_HEADER = 6;

const digest = (...parts) =>
  parts.reduce((hash, part) => hash.update(part).update("\0"), createHash("sha256")).digest("hex");
const readIf = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");

function files(folder, ending) {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * Everything that a build depends on but the compiler, as sha256sum lists it. The list lies beside each module: when it
 * is unchanged, nothing is looked at further, and who loads the module sees whether it is stale.
 */
function sourceList() {
  const inputs = ["native/kernels", "native/binding"].flatMap((folder) => files(folder, ""));
  return [...inputs, "scripts/build-native.mjs"]
    .map(
      (path) =>
        `${createHash("sha256")
          .update(readFileSync(join(root, path)))
          .digest("hex")}  ${path}\n`,
    )
    .join("");
}

/** Where the list of what a module was built from lies. */
const sourceListOf = (outDir, isa) => join(outDir, `${isa}.node.sources`);

/** The instruction sets to build: `wanted` is a name, "all", or "best". */
async function chooseIsas(wanted, outDir) {
  const known = Object.keys(TARGETS[process.arch] ?? {});
  if (known.length === 0)
    throw new Error(`there are no native kernels for ${process.arch}; only the reference backend runs here`);
  if (wanted === "all") return known;
  if (wanted !== "best") {
    if (!known.includes(wanted)) throw new Error(`no instruction set "${wanted}": choose ${known.join(" or ")}`);
    return [wanted];
  }
  const detector = join(root, "dist/src/backends/native/cpu.js");
  if (!existsSync(detector)) return known;
  const [best] = (await import(detector)).supportedIsas();
  return known.filter((isa) => isa === best || existsSync(join(outDir, `${isa}.node`)));
}

/** One object file to be made: its source text may be generated (the binding is compiled as one file). */
function unitsOf(isa, include, outDir, kind) {
  const flags = [...LANGUAGE, ...WARNINGS, "-DNAPI_VERSION=8", ...TARGETS[process.arch][isa], ...kind.flags];
  const folder = join(outDir, isa);
  mkdirSync(folder, { recursive: true });
  const binding = join(folder, "binding.cpp");
  const parts = files("native/binding", ".cpp").map((path) => `#include ${JSON.stringify(join(root, path))}\n`);
  if (readIf(binding) !== parts.join("")) writeFileSync(binding, parts.join(""));
  const kernels = files("native/kernels", ".cpp").map((path) => ({ source: join(root, path), usesSystemHeader: true }));
  return [...kernels, { source: binding, usesSystemHeader: false }].map((unit) => {
    const args = unit.usesSystemHeader ? flags : [...flags, "-I", include];
    return { ...unit, args, folder, object: join(folder, `${basename(unit.source, ".cpp")}.o`) };
  });
}

/**
 * The digest of what went into an object, read from the list of files that its last compilation saw; empty when that is
 * unknown.
 */
function inputDigest(unit, version) {
  const list = readIf(`${unit.object}.d`);
  const inputs = [...new Set(list.replace(/^[^:]*:/, "").split(/[\s\\]+/))]
    .filter((path) => path.startsWith(root))
    .sort();
  if (inputs.length === 0 || !inputs.every((path) => existsSync(path))) return "";
  return digest(version, unit.args.join(" "), ...inputs.flatMap((path) => [path, readFileSync(path)]));
}

const isCurrent = (unit, version) =>
  existsSync(unit.object) && readIf(`${unit.object}.digest`) === (inputDigest(unit, version) || "unknown");

/** Takes the unit's object from a finished fast build of the same sources, if LUCIOLE_OBJECTS names one that has it. */
function takeFromOtherBuild(unit, isa, { sources, kind }) {
  const other = process.env.LUCIOLE_OBJECTS;
  if (!other || kind !== KINDS.fast || readIf(sourceListOf(other, isa)) !== sources) return false;
  const object = join(other, isa, basename(unit.object));
  if (!existsSync(object)) return false;
  copyFileSync(object, unit.object);
  return true;
}

/** Compiles under a name of its own and renames, so that two builds at once do not read each other's halves. */
async function compile(compiler, unit, version, systemHeader, log) {
  const temporary = `${unit.object}.${process.pid}`;
  const prefix = systemHeader && unit.usesSystemHeader ? ["-include", systemHeader] : [];
  const { stderr } = await run(
    compiler,
    [...unit.args, ...prefix, "-MMD", "-MF", `${temporary}.d`, "-c", unit.source, "-o", temporary],
    {
      maxBuffer: 1 << 26,
    },
  );
  if (stderr) log(stderr.trimEnd());
  renameSync(`${temporary}.d`, `${unit.object}.d`);
  renameSync(temporary, unit.object);
  writeFileSync(`${unit.object}.digest`, inputDigest(unit, version));
}

async function inParallel(jobs) {
  const queue = [...jobs];
  const lane = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await job();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

/** Young files may belong to another build that is running now. */
const isOld = (path) => Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > 600_000;

/** Linked under another name and renamed: a process that has the old module mapped is not disturbed. */
async function link(compiler, isa, units, { sources, outDir, kind }) {
  const output = join(outDir, `${isa}.node`);
  const temporary = `${output}.${process.pid}`;
  const undefinedSymbols = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
  await run(compiler, [
    "-shared",
    "-pthread",
    ...kind.linkFlags,
    ...undefinedSymbols,
    ...units.map((unit) => unit.object),
    "-o",
    temporary,
  ]);
  const list = sourceListOf(outDir, isa);
  rmSync(list, { force: true });
  renameSync(temporary, output);
  writeFileSync(list, sources);
  const kept = new Set(
    units
      .flatMap(({ object }) => [object, `${object}.d`, `${object}.digest`].map((path) => basename(path)))
      .concat("binding.cpp"),
  );
  for (const path of readdirSync(join(outDir, isa)).map((name) => join(outDir, isa, name)))
    if (!kept.has(basename(path)) && isOld(path)) rmSync(path, { recursive: true, force: true });
}

/** Header file with its parsed form beside it, which both g++ and clang++ look for. */
async function parseSystemHeader(compiler, { folder, args }) {
  const header = join(folder, `system.${process.pid}.h`);
  writeFileSync(header, SYSTEM_HEADER);
  await run(compiler, [...args, "-x", "c++-header", header, "-o", `${header}.gch`]);
  return header;
}

async function buildIsas(compiler, isas, { sources, outDir, kind, log, links }) {
  const include = links ? resolve(createRequire(import.meta.url)("node-api-headers").include_dir) : "";
  const version = compilerVersion(compiler);
  const builds = isas.map((isa) => ({
    isa,
    units: unitsOf(isa, include, outDir, kind).filter((unit) => links || unit.usesSystemHeader),
  }));
  const isMissing = (unit, isa) => !isCurrent(unit, version) && !takeFromOtherBuild(unit, isa, { sources, kind });
  const stale = builds.map(({ isa, units }) => units.filter((unit) => isMissing(unit, isa)));
  const headers = await Promise.all(
    stale.map((units) =>
      units.length >= FEWEST_FOR_SYSTEM_HEADER
        ? parseSystemHeader(
            compiler,
            units.find((unit) => unit.usesSystemHeader),
          )
        : undefined,
    ),
  );
  try {
    await inParallel(
      stale.flatMap((units, i) => units.map((unit) => () => compile(compiler, unit, version, headers[i], log))),
    );
    if (links)
      await inParallel(
        builds.map(
          ({ isa, units }) =>
            () =>
              link(compiler, isa, units, { sources, outDir, kind }),
        ),
      );
  } finally {
    for (const header of headers)
      if (header) for (const path of [header, `${header}.gch`]) rmSync(path, { force: true });
  }
  return stale.flat().length;
}

/**
 * Builds the modules of `wanted` ("best", "all" or a name) in `outDir` that are not up to date. `findOrInstall`
 * supplies the compiler and is called only when something must be compiled. Without `links` the kernels are compiled
 * and no module is made: that needs no package. Gives the names built. Throws an Error with the compiler's words when
 * the source does not compile.
 */
export async function buildNative({
  wanted = "best",
  outDir = OUT_DIR,
  kind = KINDS.fast,
  log = console.error,
  findOrInstall = requireCompiler,
  links = true,
} = {}) {
  const started = Date.now();
  const sources = sourceList();
  const isUpToDate = (isa) => existsSync(join(outDir, `${isa}.node`)) && readIf(sourceListOf(outDir, isa)) === sources;
  const isas = (await chooseIsas(wanted, outDir)).filter((isa) => !isUpToDate(isa));
  if (isas.length === 0) return [];
  const compiler = findOrInstall(log);
  log(`building the native kernels for ${isas.join(", ")} with ${compiler}`);
  const numCompiled = await buildIsas(compiler, isas, { sources, outDir, kind, log, links });
  log(`native kernels built: ${numCompiled} files in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return isas;
}

function requireCompiler() {
  const compiler = findCompiler();
  if (!compiler) throw new Error(compilerHint());
  return compiler;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--clean")) rmSync(OUT_DIR, { recursive: true, force: true });
  const at = process.argv.indexOf("--isa");
  try {
    await buildNative({ wanted: at > 0 ? process.argv[at + 1] : process.argv.includes("--all") ? "all" : "best" });
  } catch (error) {
    console.error(error.stderr || error.message);
    process.exit(1);
  }
}
