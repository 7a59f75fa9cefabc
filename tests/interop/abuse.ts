// Requests that no client should send: bodies whose fields have wrong types, sizes and depths, bytes that are no JSON,
// hostile schemas, headers that lie, pipelining, connections that end early. Tells what came of each that it should
// not.
import { connect } from "node:net";
import { Random } from "../../src/random.js";

const user = (content: unknown) => [{ role: "user", content }];
const SCHEMA = { type: "object", properties: { sum: { type: "integer" } }, required: ["sum"] };
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const TOOL = { type: "function", function: { name: "weather", description: "?", parameters } };
const OPTIONS = { temperature: 0.5, top_p: 0.9, top_k: 5, seed: 3, stop: ["x"], num_predict: 4 };

/** Sound requests, which are then spoilt. */
const SOUND: readonly (readonly [path: string, body: object])[] = [
  [
    "/v1/chat/completions",
    { model: "m", messages: user("Hi"), max_tokens: 4, temperature: 1, top_p: 0.5, seed: 1, n: 2 },
  ],
  ["/v1/chat/completions", { messages: user("JSON"), stream: true, max_tokens: 4, stop: ["a"], logit_bias: { 5: 1 } }],
  [
    "/v1/chat/completions",
    {
      messages: user("Hi"),
      tools: [TOOL],
      tool_choice: "auto",
      max_tokens: 8,
      reasoning_effort: "low",
      logprobs: true,
    },
  ],
  [
    "/v1/chat/completions",
    {
      messages: user("JSON"),
      max_tokens: 8,
      response_format: { type: "json_schema", json_schema: { schema: SCHEMA } },
    },
  ],
  [
    "/beta/chat/completions",
    { messages: [...user("Hi"), { role: "assistant", content: "a", prefix: true }], max_tokens: 4 },
  ],
  ["/v1/completions", { prompt: ["a", "b"], max_tokens: 4, logprobs: 2, echo: false, stream: false }],
  ["/v1/completions", { prompt: [65, 66], max_tokens: 4 }],
  [
    "/v1/responses",
    {
      input: [{ role: "user", content: [{ type: "input_text", text: "Hi" }] }],
      instructions: "?",
      max_output_tokens: 4,
      tools: [{ type: "function", name: "weather", parameters }],
      reasoning: { effort: "low" },
      text: { format: { type: "json_object" } },
      stream: true,
    },
  ],
  [
    "/v1/messages",
    {
      model: "m",
      max_tokens: 4,
      system: [{ type: "text", text: "?" }],
      messages: [
        ...user([{ type: "text", text: "Hi" }]),
        { role: "assistant", content: [{ type: "tool_use", id: "t", name: "weather", input: { city: "x" } }] },
        ...user([{ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "18" }] }]),
      ],
      tools: [{ name: "weather", input_schema: parameters }],
      tool_choice: { type: "auto" },
      thinking: { type: "enabled", budget_tokens: 3 },
      stop_sequences: ["x"],
      stream: true,
    },
  ],
  [
    "/v1/chat/completions",
    {
      messages: [{ role: "system", content: "?" }, ...user("Hi"), { role: "assistant", content: "a" }],
      ...{ max_tokens: 4, tools: [TOOL], reasoning: { effort: "low", max_tokens: 2, enabled: true } },
      ...{ continue_final_message: false, add_generation_prompt: true, enable_thinking: true, guided_json: SCHEMA },
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "weather" } }] },
      },
    },
  ],
  [
    "/responses",
    {
      input: [
        ...user([{ type: "refusal", refusal: "No." }]),
        { type: "custom_tool_call", call_id: "c", name: "patch", input: "x" },
        { type: "custom_tool_call_output", call_id: "c", output: "y" },
        { type: "item_reference", id: "msg_1" },
      ],
      max_output_tokens: 4,
      tools: [{ type: "function", name: "weather", parameters }],
      tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "weather" }] },
    },
  ],
  ["/v1/responses/input_tokens", { input: [...user("Hi")], instructions: "?" }],
  [
    "/v1/messages",
    {
      ...{ model: "m", max_tokens: 4 },
      messages: user([{ type: "document", title: "t", source: { type: "text", data: "x" } }]),
    },
  ],
  ["/v1/messages/count_tokens", { model: "m", messages: user("Hi") }],
  ["/api/chat", { model: "m", messages: user("Hi"), tools: [TOOL], think: true, options: OPTIONS, keep_alive: "5m" }],
  ["/api/chat", { model: "m", messages: user("JSON"), stream: false, format: SCHEMA, options: OPTIONS }],
  ["/api/generate", { model: "m", prompt: "Hi", system: "?", raw: false, stream: false, options: OPTIONS }],
  ["/api/show", { model: "m" }],
  ["/api/pull", { model: "org/none" }],
  ["/tokenize", { prompt: "Hi", add_special_tokens: true }],
  ["/detokenize", { tokens: [65, 66] }],
];

const deep = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};
/** Values that a field should not have. */
const ODD: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1e308, -1e308, 2 ** 53, 0.1, 1e-320, "", " ", "0", "auto", "json", "x".repeat(70_000)],
  ...[
    "\u0000",
    "\ud800",
    "🔥".repeat(50),
    "<think>",
    "</think>",
    "<|begin|>",
    "<tool_call>",
    "../../etc/passwd",
    "%00",
  ],
  ...["{{ 1/0 }}", "{% for i in range(1e9) %}{% endfor %}", "__proto__", "constructor"],
  ...[
    [],
    {},
    [[]],
    [null],
    [{}],
    { __proto__: null, a: 1 },
    deep(90),
    deep(400),
    Array.from({ length: 3000 }, () => 0),
  ],
  ...[{ type: "object" }, { $ref: "#" }, { type: "string", pattern: "(a+)+$" }, { enum: [] }, { anyOf: [] }],
  { type: "object", properties: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`p${i}`, { $ref: "#" }])) },
  { type: "image_url", image_url: { url: "http://127.0.0.1:1/x" } },
];

/** What came of a request that should not have. */
export interface Fault {
  readonly request: string;
  readonly what: string;
}

/** How many requests pass between two words on how it goes. */
const TELLS_EVERY = 5000;

/**
 * Sends `count` requests, some at once; tells every fault, and how many answers of each status came, "left" and
 * "broken" connections among them.
 */
export async function abuse(port: number, count: number, seed: number, tell: (line: string) => void) {
  const random = new Random(seed);
  const faults: Fault[] = [];
  const statuses: Record<string, number> = {};
  let left = count;
  const startedMs = performance.now();
  const worker = async () => {
    while (left-- > 0) {
      if (left > 0 && left % TELLS_EVERY === 0)
        tell(`${count - left} requests in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
      const bytes = spoiltRequest(random);
      const answer = await send(port, bytes, random.below(12) === 0 ? random.below(bytes.length) : undefined);
      const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? answer;
      statuses[status] = (statuses[status] ?? 0) + 1;
      const what = problemOf(status, answer);
      if (what) faults.push({ request: bytes.toString("latin1").slice(0, 2000), what });
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  return { faults, statuses };
}

function problemOf(status: string, answer: string): string | undefined {
  if (status === "silent") return "no answer";
  if (/^5/.test(status)) return answer.slice(0, 800);
  if (/\n\s+at .+:\d+:\d+|node_modules|\\n {4}at /.test(answer)) return `a stack trace: ${answer.slice(0, 800)}`;
  return undefined;
}

function spoiltRequest(random: Random): Buffer {
  const [path, sound] = SOUND[random.below(SOUND.length)];
  const body = structuredClone(sound);
  const times = 1 + random.below(3);
  for (let i = 0; i < times; i++) spoil(body as Record<string, unknown>, random);
  let bytes = Buffer.from(JSON.stringify(body));
  if (random.below(6) === 0) bytes = spoiltBytes(bytes, random);
  return framed(spoiltPath(path, random), bytes, random);
}

/** Puts an odd value somewhere, takes something away, or adds something. */
function spoil(value: Record<string, unknown>, random: Random): void {
  const keys = Object.keys(value);
  const key = keys[random.below(Math.max(1, keys.length))];
  const inner = key === undefined ? undefined : value[key];
  const odd = structuredClone(ODD[random.below(ODD.length)]);
  if (typeof inner === "object" && inner !== null && random.below(3) > 0)
    spoil(inner as Record<string, unknown>, random);
  else if (key === undefined || random.below(8) === 0)
    value[typeof odd === "string" ? odd.slice(0, 99) : "extra"] = odd;
  else if (random.below(6) === 0) delete value[key];
  else value[key] = odd;
}

function spoiltBytes(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const spoilt = Buffer.from(bytes.subarray(0, random.below(2) === 0 ? bytes.length : random.below(bytes.length + 1)));
  for (let i = random.below(4); i > 0 && spoilt.length > 0; i--)
    spoilt[random.below(spoilt.length)] = random.below(256);
  return spoilt;
}

function spoiltPath(path: string, random: Random): string {
  const others = [
    "/",
    "/v1",
    `${path}/`,
    `${path}/x`,
    `/.${path}`,
    `/%00${path}`,
    `/v1/${"x".repeat(3000)}`,
    `${path}?a=%`,
  ];
  return random.below(10) === 0 ? others[random.below(others.length)] : path;
}

/** The request on the wire; some say what is not so. */
function framed(path: string, body: Buffer, random: Random): Buffer {
  const method = random.below(20) === 0 ? ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "FOO"][random.below(6)] : "POST";
  const headers = [`host: localhost`, `content-length: ${body.length}`, "connection: close"];
  const tricks = [
    () => headers.push("transfer-encoding: chunked"),
    () => headers.push(`content-length: ${body.length + 1}`),
    () => headers.splice(1, 1, "content-length: -5"),
    () => headers.splice(1, 1, "content-length: 99999999999999999999"),
    () => headers.splice(0, 1),
    () => headers.splice(0, 1, "host: evil.example"),
    () => headers.push(`x-long: ${"y".repeat(20_000)}`),
    () => headers.push("origin: https://evil.example"),
    () => headers.push("x-request-id: a\tb"),
    () => headers.push("content-type: text/plain; charset=utf-16"),
    () => headers.push("content-encoding: gzip"),
    () => headers.push("expect: 100-continue"),
    () => headers.push("upgrade: websocket"),
    () => headers.push("authorization: Bearer \u00e9"),
  ];
  if (random.below(8) === 0) tricks[random.below(tricks.length)]();
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`, "latin1");
  const one = Buffer.concat([head, body]);
  return random.below(25) === 0 ? Buffer.concat([one, one]) : one;
}

/** How long an answer may take. */
const PATIENCE_MS = 30_000;

/** Sends bytes, all or only so many before the connection is broken; gives all that comes back, or what became of it. */
function send(port: number, bytes: Buffer, breaksAfter?: number): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1");
    const end = (said: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(said);
    };
    const timer = setTimeout(() => end("silent"), PATIENCE_MS);
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("error", () => end(answer || "broken"));
    socket.on("close", () => end(answer || "broken"));
    socket.write(breaksAfter === undefined ? bytes : bytes.subarray(0, breaksAfter), () => {
      if (breaksAfter !== undefined) end("left");
    });
    // A body shorter than it says is never complete: the client gives up.
    if (breaksAfter === undefined) setTimeout(() => socket.end(), 250).unref();
  });
}
