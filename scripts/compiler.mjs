// The C++ compiler: finds one that is new enough, or has the system's package manager install it. Knows nothing of what
// is compiled.
import { spawnSync } from "node:child_process";

const NAMES = [
  "g++",
  "clang++",
  "c++",
  ...[16, 15, 14, 13, 12, 11, 10].map((n) => `g++-${n}`),
  ...[21, 20, 19, 18, 17, 16, 15, 14].map((n) => `clang++-${n}`),
];

/** A program using what the kernels use of the language; compilers that refuse it are too old. */
const PROBE = `#include <concepts>
template <auto F> constexpr int one() { return F(); }
static_assert(one<[] { return 1; }>() == 1);
using v4 = float __attribute__((vector_size(16)));
v4 twice(v4 x) { return x + x; }`;

/** Package managers in the order they are tried. `refresh` is run first where lists may be missing. */
const PACKAGE_MANAGERS = [
  {
    name: "apt-get",
    refresh: ["update", "-qq"],
    install: ["install", "-y", "-qq", "--no-install-recommends", "g++"],
    by: "apt-get install g++",
  },
  { name: "dnf", install: ["install", "-y", "-q", "gcc-c++"], by: "dnf install gcc-c++" },
  { name: "yum", install: ["install", "-y", "-q", "gcc-c++"], by: "yum install gcc-c++" },
  { name: "apk", install: ["add", "--no-cache", "-q", "g++"], by: "apk add g++" },
  { name: "pacman", install: ["-Sy", "--noconfirm", "--needed", "gcc"], by: "pacman -S gcc" },
  { name: "zypper", install: ["-n", "-q", "install", "gcc-c++"], by: "zypper install gcc-c++" },
  { name: "brew", install: ["install", "-q", "gcc"], by: "xcode-select --install", asUser: true },
];

const succeeds = (command, args, options = {}) =>
  spawnSync(command, args, { stdio: "ignore", ...options }).status === 0;

function compiles(name) {
  return succeeds(name, ["-std=c++20", "-fsyntax-only", "-x", "c++", "-"], {
    input: PROBE,
    stdio: ["pipe", "ignore", "ignore"],
  });
}

/** The name of a C++20 compiler (CXX first), or undefined. */
export function findCompiler() {
  return [process.env.CXX, ...NAMES].find((name) => name && compiles(name));
}

/** The compiler's own first line, which tells builds apart. */
export function compilerVersion(name) {
  return spawnSync(name, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0];
}

function packageManager() {
  return PACKAGE_MANAGERS.find(({ name }) => succeeds(name, ["--version"]));
}

/** How a person gets a compiler on this machine, in a few words. */
export function compilerHint(manager = packageManager()) {
  const how =
    manager?.by ?? (process.platform === "darwin" ? "xcode-select --install" : "for example: apt-get install g++");
  return `a C++20 compiler is needed (g++ 10 or clang 14, or newer): ${how}`;
}

/** What has to stand before a command for it to run as root without a question; undefined where that cannot be. */
function elevation() {
  if (process.getuid?.() === 0) return [];
  return succeeds("sudo", ["-n", "true"]) ? ["sudo", "-n"] : undefined;
}

/**
 * Installs a compiler through the system's package manager and gives its name. Only where no question would be asked
 * (root, or sudo without a password); otherwise, and when it fails, throws an Error with the line that says what to
 * install.
 */
export function installCompiler(log) {
  const manager = packageManager();
  const prefix = manager?.asUser ? [] : elevation();
  if (!manager || !prefix) throw new Error(compilerHint(manager));
  log(`no C++20 compiler: installing one with ${manager.name}`);
  const run = (args) => {
    const [command, ...rest] = [...prefix, manager.name, ...args];
    return succeeds(command, rest, {
      stdio: ["ignore", 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  };
  if (manager.refresh) run(manager.refresh);
  const compiler = run(manager.install) ? findCompiler() : undefined;
  if (!compiler) throw new Error(`${manager.name} could not install it; ${compilerHint(manager)}`);
  return compiler;
}
