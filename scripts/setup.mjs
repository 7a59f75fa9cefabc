// Makes a checkout ready to run: packages, compiled TypeScript, native kernels for this CPU. What is up to date is
// skipped, so that a second start costs a blink. Everything it says goes to standard error. LUCIOLE_WITHOUT_KERNELS=1
// goes on without a C++ compiler.
import "./node-version.mjs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildNative } from "./build-native.mjs";
import { buildTypeScript } from "./build-typescript.mjs";
import { buildWeb } from "./build-web.mjs";
import { findCompiler, installCompiler } from "./compiler.mjs";
import { dependenciesAreCurrent, installDependencies } from "./dependencies.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const log = (line) => console.error(`setup: ${line}`);

function timed(what, action) {
  const started = Date.now();
  action();
  log(`${what} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

async function buildKernels() {
  try {
    await buildNative({ log, findOrInstall: () => findCompiler() ?? installCompiler(log) });
  } catch (error) {
    const reason = (error.stderr || error.message).trim();
    if (!process.env.LUCIOLE_WITHOUT_KERNELS)
      throw new Error(`${reason} (LUCIOLE_WITHOUT_KERNELS=1 continues without them, far too slowly for \`npm start\`)`);
    log(`continuing without native kernels, on the reference backend, hundreds of times slower: ${reason}`);
  }
}

try {
  if (!dependenciesAreCurrent(root)) {
    log("installing the packages of package-lock.json");
    timed("packages installed", () => installDependencies(root));
  }
  const started = Date.now();
  if (await buildTypeScript(root)) log(`TypeScript compiled in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  const webStarted = Date.now();
  if (await buildWeb(root)) log(`web pages built in ${((Date.now() - webStarted) / 1000).toFixed(1)} s`);
  await buildKernels();
} catch (error) {
  log(error.message);
  process.exit(1);
}
