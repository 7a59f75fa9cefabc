// PyPI `llm-comply` in its three formats that this server speaks. `node llm-comply.mjs --python <python>`, after
// `npm run build`.
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { startScripted } from "./scripted.mjs";

const { values } = parseArgs({ options: { python: { type: "string", default: "python3" } } });
/** The suite leaves out tests of thinking unless the name of the model is one that it knows. */
const RUNS = [
  ["openai-chat", "deepseek-r1"],
  // The schemas know the events of thoughts by other names than OpenAI's clients.
  ["open-responses", "plain"],
  ["open-responses", "deepseek-r1", "reasoning-summary"],
  ["anthropic", "claude-4"],
];
/** Images, compaction, and requests that name no model: the first one answers them. */
const NOT_OFFERED = /image-input|compact-|^(chat-)?error-handling$/;

const server = await startScripted([...new Set(RUNS.map(([, model]) => model))]);
let numFailed = 0;
try {
  for (const [format, model, only] of RUNS) {
    const { results } = JSON.parse(await output(["--format", format, "-m", model, ...(only ? ["-f", only] : [])]));
    for (const { id, status, errors = [], warnings = [] } of results) {
      const isOffered = !NOT_OFFERED.test(id);
      if (status === "failed" && isOffered) numFailed++;
      const told = [isOffered ? "" : "(not offered)", ...errors, ...warnings.map((each) => `warning: ${each}`)];
      console.log(`${format}  ${status}  ${id}  ${told.filter(Boolean).join("; ")}`);
    }
  }
} finally {
  await server.close();
}
process.exitCode = numFailed > 0 ? 1 : 0;

/** What the suite prints; it ends with a status of its own where a test fails. */
function output(flags) {
  const args = ["-m", "llm_comply.cli", "-u", `${server.url}/v1`, "-k", "none", "--json", ...flags];
  const suite = spawn(values.python, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  suite.stdout.on("data", (chunk) => (text += chunk));
  return new Promise((resolve) => suite.once("close", () => resolve(text)));
}
