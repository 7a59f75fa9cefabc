// The compliance suite of Open Responses, from a checkout of github.com/openresponses/openresponses. `node
// open-responses.mjs <checkout>`, after `npm run build` here and `npm install --no-save zod@3.25.76` there.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startScripted } from "./scripted.mjs";

const [checkout] = process.argv.slice(2);
/** Images, compaction and web sockets. */
const NOT_OFFERED = /image-input|compact-|websocket-/;

const server = await startScripted(["caller"]);
try {
  process.exitCode = await run();
} finally {
  await server.close();
}

async function run() {
  const jiti = fileURLToPath(new URL("../../../node_modules/.bin/jiti", import.meta.url));
  const suite = [jiti, join(checkout, "bin", "compliance-test.ts")];
  const flags = ["--base-url", `${server.url}/v1`, "--api-key", "none", "--model", "caller", "--json"];
  const child = spawn(process.execPath, [...suite, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  await new Promise((resolve) => child.once("close", resolve));
  const { results } = JSON.parse(text.slice(text.indexOf("{")));
  for (const { id, status, errors = [] } of results)
    console.log([status, id, NOT_OFFERED.test(id) && "(not offered)", ...errors].filter(Boolean).join("  "));
  return results.some(({ id, status }) => status === "failed" && !NOT_OFFERED.test(id)) ? 1 : 0;
}
