// /tokenize and /detokenize: texts and conversations as token ids, and back. Fields as vLLM and as llama.cpp name them.
import { z } from "zod";
import { encodePrompt } from "../../../tokenizer/index.js";
import { ApiError } from "../../api-error.js";
import type { App, ServerContext } from "../../context.js";
import { checkedBody, nullish, readBody } from "../../http/body.js";
import type { ServedModel } from "../../models/served-model.js";
import { promptIdsOf, refuseTooLong } from "../../replies/prompt-of-task.js";
import { withModel } from "../../replies/with-model.js";
import { CHAT_REQUEST, taskOfChat } from "./chat-request.js";

const FLAG = nullish(z.boolean());
const TOKENIZE_REQUEST = z.looseObject({
  model: nullish(z.string()),
  /** A text, by either name, or a conversation. */
  prompt: nullish(z.string()),
  content: nullish(z.string()),
  messages: nullish(z.array(z.unknown())),
  /** Whether a text gets the token that begins sequences; default: as prompts do. */
  add_special_tokens: FLAG,
  add_special: FLAG,
  /** Whether the text of each token is told too. */
  return_token_strs: FLAG,
  with_pieces: FLAG,
});
type TokenizeRequest = z.output<typeof TOKENIZE_REQUEST>;
const DETOKENIZE_REQUEST = z.looseObject({
  model: nullish(z.string()),
  tokens: z.array(z.number().int().min(0)).max(1 << 20),
});

/** Answers under `prefix`. */
export function registerTokens(app: App, server: ServerContext, prefix: string): void {
  const { models } = server;
  app.post(`${prefix}/tokenize`, async (c) => {
    const body = await readBody(c, TOKENIZE_REQUEST);
    return c.json(await withModel(server, body.model ?? models.defaultName, (model) => tokenized(model, body)));
  });
  app.post(`${prefix}/detokenize`, async (c) => {
    const body = await readBody(c, DETOKENIZE_REQUEST);
    return c.json(await withModel(server, body.model ?? models.defaultName, (model) => textOf(model, body.tokens)));
  });
}

function tokenized(model: ServedModel, body: TokenizeRequest): object {
  model.requireTokenizer("token ids");
  const ids = idsOf(model, body);
  const strings = ids.map((id) => model.tokenizer.decode([id]));
  return {
    tokens: body.with_pieces ? ids.map((id, i) => ({ id, piece: strings[i] })) : ids,
    count: ids.length,
    max_model_len: model.maxContext,
    ...(body.return_token_strs && { token_strs: strings }),
  };
}

function idsOf(model: ServedModel, body: TokenizeRequest): number[] {
  const { prompt = body.content, messages } = body;
  if (messages) return [...promptIdsOf(model, taskOfChat(checkedBody(CHAT_REQUEST, body)))];
  if (prompt === undefined)
    throw new ApiError("invalid", "prompt: expected a text, or a conversation in messages", { param: "prompt" });
  refuseTooLong(model, prompt.length, "prompt");
  if (prompt === "") return [];
  const isPlain = (body.add_special_tokens ?? body.add_special) === false;
  return [...(isPlain ? model.tokenizer.encode(prompt) : encodePrompt(model.tokenizer, prompt))];
}

/** The text, by the names of vLLM and of llama.cpp. */
function textOf(model: ServedModel, tokens: readonly number[]): object {
  model.requireTokenizer("token ids");
  const { tokenizer, vocabSize } = model;
  const wrong = tokens.find((id) => id >= vocabSize);
  if (wrong !== undefined)
    throw new ApiError("invalid", `tokens: ids range from 0 to ${vocabSize - 1}, got ${wrong}`, { param: "tokens" });
  const text = tokenizer.decode(tokens);
  return { prompt: text, content: text };
}
