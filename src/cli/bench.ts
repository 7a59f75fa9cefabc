// `luciole bench`: runs the measurements that lie in bench/ of a checkout. Knows none of them.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, didYouMean, LucioleError } from "../errors.js";
import { packageRoot } from "../tensor/backends/native/addon.js";

/** Runs one measurement, or all of them one after the other. */
export async function bench(name: string | undefined, flags: { readonly json?: boolean }): Promise<void> {
  const folder = join(packageRoot(), "dist", "bench");
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith(".js") && !file.endsWith(".test.js"))
        .map((file) => file.slice(0, -3))
    : [];
  if (names.length === 0) throw new ConfigError("the measurements are not part of an installed package: clone the repository and run npm run bench there");
  if (name === "list") {
    process.stdout.write(flags.json ? `${JSON.stringify({ benches: names })}\n` : `${names.join("\n")}\n`);
    return;
  }
  if (name !== undefined && !names.includes(name)) throw new ConfigError(`no measurement "${name}"${didYouMean(name, names)}; there are ${names.join(", ")}`);
  for (const each of name === undefined ? names : [name]) await runScript(join(folder, `${each}.js`), flags.json ? ["--json"] : []);
}

function runScript(path: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path, ...args], { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code, signal) => (code === 0 ? resolve() : reject(new LucioleError(`${path} ended with ${signal ?? `code ${code}`}`))));
  });
}
