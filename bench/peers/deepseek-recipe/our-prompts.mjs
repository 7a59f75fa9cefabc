// Our side of a request: its task and its prompt, with V4's own tokenizer and its encoding as a chat template.
import { readFileSync } from "node:fs";
import { MESSAGES_REQUEST, taskOfMessages } from "../../../dist/src/server/dialects/anthropic/messages-request.js";
import { CHAT_REQUEST, taskOfChat } from "../../../dist/src/server/dialects/openai/chat-request.js";
import { chatRequestOf, RESPONSES_REQUEST } from "../../../dist/src/server/dialects/openai/responses-request.js";
import { checkedBody } from "../../../dist/src/server/http/body.js";
import { ServedModel } from "../../../dist/src/server/models/served-model.js";
import { promptOf } from "../../../dist/src/server/replies/prompt-of-task.js";
import { createTokenizer } from "../../../dist/src/tokenizer/index.js";

const MODEL = "DeepSeek-V4-Pro";

const TASKS = {
  chat: (body) => taskOfChat(checkedBody(CHAT_REQUEST, body)),
  messages: (body) => taskOfMessages(checkedBody(MESSAGES_REQUEST, { model: MODEL, ...body })),
  responses: (body) => taskOfChat(checkedBody(CHAT_REQUEST, chatRequestOf(checkedBody(RESPONSES_REQUEST, body), []))),
};

/** The engine alone is missing. */
const OPENED = { engine: { limits: { maxContext: 1e6, vocabSize: 129280 } }, template: null, generation: {} };

export class OurPrompts {
  constructor({ tokenizer, frame }, template) {
    const json = JSON.parse(readFileSync(tokenizer, "utf8"));
    this.frame = frame;
    const config = {
      bos_token: "<｜begin▁of▁sentence｜>",
      eos_token: "<｜end▁of▁sentence｜>",
      chat_template: `{%- set frame = ${JSON.stringify(frame)} -%}\n${template}`,
    };
    this.model = new ServedModel(MODEL, createTokenizer(json, config), OPENED);
  }

  /** What we make of a body. */
  of(dialect, body) {
    let task;
    let made;
    try {
      task = TASKS[dialect](body);
      made = promptOf(this.model, task);
    } catch (error) {
      return { refused: error.message };
    }
    const { maxTokens, seed, stop = [] } = made.sampling;
    return {
      prompt: made.prompt.text,
      ids: [...made.prompt.ids].join(" "),
      startsInside: made.prompt.startsInside,
      maxTokens: maxTokens ?? null,
      seed: seed ?? null,
      stop: stop ?? [],
      tools: task.toolChoice === "none" ? [] : task.tools.map(({ name }) => name),
      ...sampled(made.sampling, task.thinks ?? true),
    };
  }

  /** What the peer makes of it, in the same words. */
  comparable({ prompt, ids, startsInside, maxTokens, seed, stop, tools, thinks, temperature, topP }) {
    return {
      prompt,
      ids: ids.join(" "),
      startsInside,
      maxTokens,
      seed,
      stop,
      tools,
      ...sampled({ temperature, topP }, thinks),
    };
  }
}

/** While it thinks, the peer replaces what is asked for by V4's own values: no matter of the conversion. */
const sampled = ({ temperature = 1, topP = 1 }, thinks) =>
  thinks ? {} : { temperature: Math.fround(temperature), topP: Math.fround(topP) };
