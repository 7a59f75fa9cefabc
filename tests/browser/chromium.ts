// Headless Chromium for tests: the machine's own, and the one that comes with an npm package. Opens one page and takes
// the one message it sends back. Knows nothing of what the page does.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const LIMIT_MS = 120_000;

/** A browser that starts on this machine. */
export interface Chromium {
  readonly program: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Asks a program for its version; undefined where it does not start. */
function started(program: string, env: NodeJS.ProcessEnv = process.env): Chromium | undefined {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8", env });
  return status === 0 ? { program, version: stdout.trim(), env } : undefined;
}

/** The machine's browser, where it has one. */
const installedChromium = (): Chromium | undefined => {
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const path of NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    const found = existsSync(path) ? started(path) : undefined;
    if (found) return found;
  }
  return undefined;
};

/** The browser of the package, which brings the libraries that a bare machine lacks; for Linux on x64. */
async function packagedChromium(): Promise<Chromium | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  process.env.AWS_EXECUTION_ENV ??= "nodejs20.x"; // what the package unpacks its libraries for
  const { default: chromium } = await import("@sparticuz/chromium");
  chromium.setGraphicsMode = false;
  const program = await chromium.executablePath();
  const libraries = join(tmpdir(), "al2023", "lib");
  return started(program) ?? started(program, { ...process.env, LD_LIBRARY_PATH: libraries });
}

/** Every browser there is, of as many versions. Throws an Error, one line, where there is none. */
export async function findChromiums(): Promise<readonly Chromium[]> {
  const found = [installedChromium(), await packagedChromium()].filter((each) => each !== undefined);
  if (found.length > 0) return found;
  throw new Error("expected Chromium on the PATH, found none that starts: apt-get install chromium");
}

/** One browser, the machine's own if it has one. Throws as `findChromiums`. */
export const findChromium = async (): Promise<Chromium> => installedChromium() ?? (await findChromiums())[0];

/**
 * Opens a page whose body is `<script>` with the given source, and gives the text that it posts to `/result`. Throws an
 * Error with what the page reports at `/error`, or where nothing comes within two minutes.
 */
export async function runPage(script: string, chromium: Chromium): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), "luciole-chromium-"));
  let server: Server | undefined;
  let browser: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${chromium.version}: no word from the page`)), LIMIT_MS);
      server = serve(script, resolve, reject).listen(0, "127.0.0.1", () => {
        const { port } = (server as Server).address() as AddressInfo;
        browser = start(chromium, profile, `http://127.0.0.1:${port}/`);
        browser.on("error", reject);
        browser.on("exit", (code) => reject(new Error(`${chromium.version} ended with ${code}`)));
      });
    });
  } finally {
    clearTimeout(timer);
    server?.closeAllConnections();
    server?.close();
    await ended(browser);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

const PAGE = `<!doctype html><meta charset="utf-8"><script>
const post = (path, body) => fetch(path, { method: "POST", body });
addEventListener("error", ({ message }) => post("/error", message));
addEventListener("unhandledrejection", ({ reason }) => post("/error", String(reason?.stack ?? reason)));
</script><script src="/script.js"></script>`;

function serve(script: string, resolve: (result: string) => void, reject: (error: Error) => void): Server {
  return createServer(async (request, response) => {
    if (request.method === "POST") {
      const body = await text(request);
      response.end();
      if (request.url === "/result") resolve(body);
      else reject(new Error(`the page failed: ${body}`));
      return;
    }
    const isScript = request.url === "/script.js";
    response.setHeader("content-type", isScript ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8");
    response.end(isScript ? script : PAGE);
  });
}

const start = ({ program, env }: Chromium, profile: string, address: string): ChildProcess =>
  spawn(
    program,
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      `--user-data-dir=${profile}`,
      address,
    ],
    { env, stdio: "ignore", detached: true },
  );

/** Ends the browser with all its processes. */
async function ended(browser: ChildProcess | undefined): Promise<void> {
  if (browser?.pid === undefined || browser.exitCode !== null) return;
  const gone = new Promise((resolve) => browser.once("exit", resolve));
  process.kill(-browser.pid, "SIGKILL");
  await gone;
}
