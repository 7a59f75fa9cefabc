// /tokenize and /detokenize by the names of vLLM and of llama.cpp; /ready; what is not offered, in the dialect of its
// path.
import { beforeAll, describe, expect, test } from "vitest";
import { PLAIN_TEMPLATE, scriptedServer, THINKING_TEMPLATE } from "./scripted-server.js";

let url: string;
const post = async (path: string, body: object) => {
  const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
beforeAll(async () => {
  const server = await scriptedServer({
    plain: { template: PLAIN_TEMPLATE, says: () => "Hello." },
    thinker: { template: THINKING_TEMPLATE, tags: ["<think>", "</think>"], says: () => "Hm.</think>Hello." },
  });
  url = server.url;
});

describe("/tokenize and /detokenize", () => {
  test("a text, there and back, by either name", async () => {
    const { body } = await post("/tokenize", { model: "plain", prompt: "Hé 🔥", add_special_tokens: false });
    const tokens = [...Buffer.from("Hé 🔥")];
    expect(body).toEqual({ tokens, count: tokens.length, max_model_len: 4096 });
    expect((await post("/tokenize", { content: "Hé 🔥", add_special: false })).body.tokens).toEqual(tokens);
    expect((await post("/detokenize", { tokens })).body).toEqual({ prompt: "Hé 🔥", content: "Hé 🔥" });
  });
  test("a prompt begins as it does for the model; pieces are told where they are asked for", async () => {
    const { body } = await post("/tokenize", { content: "Hi", with_pieces: true });
    expect(body.tokens).toMatchObject([{ piece: "<|begin|>" }, { id: 72, piece: "H" }, { id: 105, piece: "i" }]);
    expect((await post("/tokenize", { prompt: "Hi", return_token_strs: true })).body.token_strs).toHaveLength(3);
  });
  test("a conversation has the tokens that its completion counts", async () => {
    const request = { model: "thinker", messages: [{ role: "user", content: "Hi" }] };
    const { body } = await post("/tokenize", request);
    const completion = await post("/v1/chat/completions", request);
    expect(body.count).toBe((completion.body.usage as { prompt_tokens: number }).prompt_tokens);
  });
  test.each([
    ["/tokenize", {}, 400, "prompt"],
    ["/tokenize", { prompt: "x".repeat(1 << 20) }, 400, "prompt"],
    ["/tokenize", { prompt: "x", model: "other" }, 404, "model"],
    ["/detokenize", { tokens: [1e9] }, 400, "tokens"],
    ["/detokenize", { tokens: ["a"] }, 400, "tokens[0]"],
    ["/v1/completions", { prompt: "x".repeat(1 << 20) }, 400, "prompt"],
  ])("%s %j is refused", async (path, body, status, param) => {
    expect(await post(path, body)).toMatchObject({ status, body: { error: { param } } });
  });
});

test("/ready tells of every model, without a key", async () => {
  const response = await fetch(`${url}/ready`);
  expect([response.status, await response.json()]).toMatchObject([
    200,
    { status: "ready", models: [{ name: "plain" }, { name: "thinker" }] },
  ]);
});

test.each(["/v1/embeddings", "/embeddings", "/v1/images/generations", "/v1/audio/speech", "/v1/rerank"])(
  "%s is refused as OpenAI's clients read it",
  async (path) => {
    expect(await post(path, { input: "x" })).toEqual({
      status: 404,
      body: {
        error: {
          message: `this server makes text and has no ${path}`,
          type: "not_found_error",
          param: null,
          code: "not_offered",
        },
      },
    });
  },
);
