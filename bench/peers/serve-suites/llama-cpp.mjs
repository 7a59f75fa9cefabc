// llama.cpp's own tests of its server (`tools/server/tests`), from a checkout, against this server. `node llama-cpp.mjs
// <checkout> --model <file.gguf> --python <python>`, after `npm run build`; Python needs the packages of the suite's
// requirements.txt. Tests that need no flags share one server, the others start `llama-server.mjs`. The suite's other
// files ask for what llama.cpp alone has; docs/serve-suites.md says what.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const PORTS = { shared: "18490", own: "18491" };
const SHARED = [
  ...["tokenize", "compat_oai_responses", "compat_anthropic", "chat_completion", "completion", "ctx_shift"],
  ...["ignore_eos", "template", "metrics", "tool_call", "basic"],
];
const OWN = ["security"];

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { model: { type: "string" }, python: { type: "string", default: "python3" } },
});
const stand = fileURLToPath(new URL("llama-server.mjs", import.meta.url));
const env = { ...process.env, LUCIOLE_SUITE_MODEL: values.model, LLAMA_SERVER_BIN_PATH: stand };

/** Prints the names of tests that passed, failed and were left out. */
async function pytest(names, extra) {
  const files = names.map((name) => `unit/test_${name}.py`);
  const flags = [
    ...["-m", "pytest", "-q", "--no-header", "--tb=line", "-rA", "--show-capture=no", "-p", "no:cacheprovider"],
    ...["-m", "not slow"], // slow ones download large models
  ];
  const cwd = join(positionals[0], "tools", "server", "tests");
  const suite = spawn(values.python, [...flags, ...files], { cwd, env: { ...env, ...extra }, stdio: "inherit" });
  await once(suite, "close");
}

const flags = ["--port", PORTS.shared, "--alias", "tinyllama-2", "--ctx-size", "4096"];
const server = spawn(process.execPath, [stand, ...flags], { env, stdio: "ignore" });
try {
  await new Promise((resolve) => setTimeout(resolve, 20_000)); // the model is loaded by then
  await pytest(SHARED, { DEBUG_EXTERNAL: "1", PORT: PORTS.shared });
} finally {
  server.kill();
  await once(server, "close");
}
await pytest(OWN, { PORT: PORTS.own });
