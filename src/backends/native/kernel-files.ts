// Where the compiled kernels lie, whether they are those of the sources, and making them. Knows no op.
import { createHash } from "node:crypto";
import { accessSync, constants, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { cacheFolder } from "../../cache-folder.js";
import { BackendError } from "../../errors.js";
import { findPackageRoot, programFolder } from "../../package-root.js";
import { type Isa, supportedIsas } from "./cpu.js";

/** The folder beside a bundled program that kernels are looked for in. */
export const BUNDLED_FOLDER = "luciole-kernels";

/** What a message suggests where kernels are missing. */
export const kernelsMend = (): string =>
  findPackageRoot() === null
    ? "put them next to the bundled program: npx luciole setup --to " +
      `${join(programFolder(), BUNDLED_FOLDER)}, or set LUCIOLE_KERNELS to their folder`
    : "run `npx luciole setup` (it needs a C++20 compiler, on Debian and Ubuntu: apt-get install g++)";

/** Folders that may hold `<isa>.node`, in the order they are looked through. LUCIOLE_KERNELS stands alone. */
export function kernelFolders(): string[] {
  const given = process.env.LUCIOLE_KERNELS;
  if (given) return [given];
  const root = findPackageRoot();
  return root === null ? [join(programFolder(), BUNDLED_FOLDER)] : [join(root, "build", "native"), userFolder(root)];
}

/** Where kernels go when the package's own folder cannot be written, as after an installation by another user. */
function userFolder(root: string): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return cacheFolder("kernels", version);
}

/** The file of a build, or null where it was not made. */
export function kernelFile(isa: Isa): string | null {
  return (
    kernelFolders()
      .map((folder) => join(folder, `${isa}.node`))
      .find((path) => existsSync(path)) ?? null
  );
}

/**
 * Whether a build was made from other sources than those of the package, as after a pull: its functions may take other
 * operands. Sources are compared by content (`<isa>.node.sources`), which takes about two milliseconds. Kernels beside
 * a bundled program have no sources and are never stale.
 */
export function isStale(file: string): boolean {
  const root = findPackageRoot();
  if (root === null) return false;
  const list = `${file}.sources`;
  if (!existsSync(list)) return true;
  return !readFileSync(list, "utf8")
    .split("\n")
    .filter(Boolean)
    .every((line) => isUnchanged(root, line));
}

/** A line of the list, as sha256sum writes it: a digest, two blanks, a path. */
function isUnchanged(root: string, line: string): boolean {
  const [digest, path] = line.split("  ");
  const source = join(root, path);
  return existsSync(source) && createHash("sha256").update(readFileSync(source)).digest("hex") === digest;
}

/** Builds that exist on this machine and that its CPU can run, best first. */
export function availableIsas(): Isa[] {
  return supportedIsas().filter((isa) => kernelFile(isa) !== null);
}

/** What `buildKernels` takes. */
export interface BuildOptions {
  /** Receives progress, a line each. */
  readonly log: (line: string) => void;
  /**
   * A folder that gets a copy of the modules. They are built in the package's own folder, or else in the user's cache.
   */
  readonly into?: string;
  /** Build for every CPU of this architecture; default: for the CPU of this machine. */
  readonly all?: boolean;
  /** Have the system's package manager install a compiler where it may. */
  readonly installsCompiler?: boolean;
}

/**
 * Compiles the kernels, what is up to date excepted. Gives their folder. Throws BackendError where that cannot be done,
 * with the mend.
 */
export async function buildKernels({
  log,
  into,
  all = false,
  installsCompiler = false,
}: BuildOptions): Promise<string> {
  const root = findPackageRoot();
  if (root === null) throw new BackendError(`a bundled program has no sources to build kernels from: ${kernelsMend()}`);
  const outDir = kernelFolders().find(canWrite);
  if (outDir === undefined)
    throw new BackendError(
      `no folder for the kernels is writable (${kernelFolders().join(", ")}): set LUCIOLE_KERNELS to one`,
    );
  const script = (name: string) => import(pathToFileURL(join(root, "scripts", name)).href);
  const [{ buildNative }, { findCompiler, installCompiler, compilerHint }] = await Promise.all([
    script("build-native.mjs"),
    script("compiler.mjs"),
  ]);
  const findOrInstall = () => {
    const compiler = findCompiler() ?? (installsCompiler ? installCompiler(log) : undefined);
    if (!compiler) throw new Error(compilerHint());
    return compiler;
  };
  try {
    await buildNative({ wanted: all ? "all" : "best", outDir, log, findOrInstall });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new BackendError(`the kernels could not be built: ${(stderr || message).trim()}`);
  }
  if (into === undefined) return outDir;
  mkdirSync(into, { recursive: true });
  for (const name of readdirSync(outDir).filter((each) => /\.node(\.sources)?$/.test(each)))
    copyFileSync(join(outDir, name), join(into, name));
  return into;
}

function canWrite(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
