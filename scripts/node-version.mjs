// Stops with one clear line on a Node that is too old. Imported first by every script; keep its syntax old.
import { readFileSync } from "node:fs";

const wanted = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).engines.node.replace(
  ">=",
  "",
);
const [major, minor] = process.versions.node.split(".").map(Number);
const [wantedMajor, wantedMinor] = wanted.split(".").map(Number);
if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
  console.error(
    `Luciole needs Node ${wanted} or newer, this is ${process.versions.node}: install a current one, for ` +
      "example from nodejs.org",
  );
  process.exit(1);
}
