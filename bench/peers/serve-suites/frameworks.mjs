// Frameworks of PyPI (LangChain, OpenAI's agents, LiteLLM, Pydantic AI) against this server. `node frameworks.mjs
// --python <python>`, after `npm run build`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startScripted, thinkingCaller } from "./scripted.mjs";

const { values } = parseArgs({ options: { python: { type: "string", default: "python3" } } });
const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>';
const answerTo = (prompt) => {
  if (prompt.includes("18 degrees")) return "It is warm.";
  if (prompt.includes("weather?")) return CALL;
  return prompt.includes("]JSON[") ? '{"sum": 56}' : "Hello!";
};
const server = await startScripted(["m"], () => thinkingCaller(answerTo));
try {
  const uses = fileURLToPath(new URL("frameworks.py", import.meta.url));
  const [code] = await once(spawn(values.python, ["-W", "ignore", uses, server.url], { stdio: "inherit" }), "close");
  process.exitCode = code;
} finally {
  await server.close();
}
