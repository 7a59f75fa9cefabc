// Codex CLI (npm `@openai/codex`) against this server: a turn, and one in which the model has a command run. `node
// codex.mjs <path of the program's codex.js>`, after `npm run build`. Its home is a folder that is removed at the end.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startScripted, thinkingCaller } from "./scripted.mjs";

const [program] = process.argv.slice(2);
const CALL = '<tool_call>\n{"name": "exec_command", "arguments": {"cmd": "echo luciole-$((6 * 7))"}}\n</tool_call>';
const script = {
  ...thinkingCaller((prompt) => (/\[user\]Go(?!.*\[tool\])/s.test(prompt) ? CALL : "All is well.")),
  ...{ maxPositions: 60_000, numBlocks: 9000 },
};
const home = mkdtempSync(join(tmpdir(), "luciole-codex-"));
const work = join(home, "work");
mkdirSync(work);
const server = await startScripted(["m"], () => script);
try {
  const provider = ["[model_providers.l]", 'name = "l"', `base_url = "${server.url}/v1"`, 'wire_api = "responses"'];
  writeFileSync(join(home, "config.toml"), ['model = "m"', 'model_provider = "l"', ...provider, ""].join("\n"));
  let numFailed = 0;
  for (const [prompt, ...expected] of [
    ["Hi", "All is well."],
    ["Go", "luciole-42", "All is well."],
  ]) {
    const told = await answer(prompt);
    const isRight = expected.every((part) => told.includes(part));
    if (!isRight) numFailed++;
    console.log(isRight ? "passed" : "failed", prompt, isRight ? "" : told);
  }
  process.exitCode = numFailed > 0 ? 1 : 0;
} finally {
  await server.close();
  rmSync(home, { recursive: true });
}

/** All that the program prints. */
function answer(prompt) {
  const args = [program, "exec", "--skip-git-repo-check", "-s", "read-only", "-C", work, prompt];
  const env = { PATH: process.env.PATH, HOME: home, CODEX_HOME: home };
  const codex = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
  let text = "";
  for (const stream of [codex.stdout, codex.stderr]) stream.on("data", (chunk) => (text += chunk));
  return new Promise((resolve) => codex.once("close", () => resolve(text)));
}
