// Pictures a report with the system's Chromium, for the README. For developers only: nothing in the product calls it.
// Usage: node scripts/screenshot.mjs runs/<name>/report.html docs/report.png [--dark] [--width 1200] [--height 1500]
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dark: { type: "boolean", default: false },
    width: { type: "string", default: "1200" },
    height: { type: "string", default: "1500" },
  },
});
const [report, picture] = positionals;
if (!report || !picture)
  fail("usage: node scripts/screenshot.mjs <report.html> <picture.png> [--dark] [--width 1200] [--height 1500]", 2);
if (!existsSync(report)) fail(`${report}: expected a report, found none; make one with luciole zero`, 1);

const browser = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);
if (!browser) fail("expected Chromium on the PATH; install it with: apt-get install chromium", 1);

// The theme is set in a copy, since a headless browser's own preference differs from version to version.
const directory = mkdtempSync(join(tmpdir(), "luciole-screenshot-"));
const copy = join(directory, "report.html");
writeFileSync(
  copy,
  readFileSync(report, "utf8").replace(
    '<html lang="en">',
    `<html lang="en" data-theme="${values.dark ? "dark" : "light"}">`,
  ),
);
mkdirSync(dirname(resolve(picture)), { recursive: true });
const { status, stderr } = spawnSync(
  browser,
  [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--virtual-time-budget=4000",
    "--force-device-scale-factor=2",
    `--user-data-dir=${join(directory, "profile")}`,
    `--window-size=${values.width},${values.height}`,
    `--screenshot=${resolve(picture)}`,
    pathToFileURL(copy).href,
  ],
  { encoding: "utf8" },
);
rmSync(directory, { recursive: true, force: true });
if (status !== 0 || !existsSync(picture))
  fail(`${browser} could not draw the report: ${stderr.trim().split("\n").at(-1)}`, 1);

function fail(message, code) {
  console.error(message);
  process.exit(code);
}
