#!/usr/bin/env node
// Stands in for llama.cpp's `llama-server` in its own tests: takes its flags, and serves the model of
// LUCIOLE_SUITE_MODEL under the names that the tests ask for. Flags that have no counterpart have no effect.
import { parseArgs } from "node:util";

const TEXT = { type: "string" };
const { values } = parseArgs({
  strict: false,
  options: { port: TEXT, host: TEXT, alias: TEXT, "api-key": TEXT, "ctx-size": TEXT, parallel: TEXT },
});
/** The tests ask for models by names that llama-server does not look at. */
const ASKED = ["test", "gpt-3.5-turbo", "gpt-3.5-turbo-instruct", "gpt-4.1", "davinci-002"];
const path = process.env.LUCIOLE_SUITE_MODEL;
const flags = ["--port", values.port ?? "8080", "--keep-alive", "-1", "--drain", "1"];
if (values["ctx-size"]) flags.push("--context", values["ctx-size"]);
if (values["api-key"]) process.env.LUCIOLE_API_KEY = values["api-key"];
const models = [values.alias ?? "model", ...ASKED].map((name) => `${name}=${path}`);
process.argv = [process.argv[0], "luciole", "serve", ...models, ...flags];
await import("../../../dist/src/cli/main.js");
