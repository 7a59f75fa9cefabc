// /api/generate: a text in, put to the model by its template or as it stands, a reply out.
import { z } from "zod";
import { ApiError } from "../../api-error.js";
import type { App, ServerContext } from "../../context.js";
import { nullish, readBody } from "../../http/body.js";
import type { Task } from "../../replies/task.js";
import { answer } from "./answer.js";
import { refuseImages } from "./chat-request.js";
import { REPLY_FIELDS, samplingOf, thinkingOf } from "./reply-fields.js";
import type { ReplyPart } from "./reply-lines.js";

/** The body. */
export const GENERATE_REQUEST = z.looseObject({
  ...REPLY_FIELDS,
  prompt: nullish(z.string()),
  system: nullish(z.string()),
  /** Whether the prompt goes to the model as it stands. */
  raw: nullish(z.boolean()),
  images: nullish(z.array(z.unknown())),
  suffix: nullish(z.string()),
  template: nullish(z.string()),
  context: nullish(z.array(z.number())),
});
type GenerateRequest = z.output<typeof GENERATE_REQUEST>;

/** Answers. */
export function registerGenerate(app: App, server: ServerContext): void {
  app.post("/api/generate", async (c) => {
    const body = await readBody(c, GENERATE_REQUEST);
    return answer(c, server, body, body.prompt ? taskOf(body, body.prompt) : undefined, textFields);
  });
}

const textFields = ({ text, thought = "" }: ReplyPart): object => ({
  response: text,
  ...(thought !== "" && { thinking: thought }),
});

function taskOf(body: GenerateRequest, prompt: string): Task {
  refuseUnsupported(body);
  const sampling = samplingOf(body);
  if (body.raw) return { kind: "text", prompt, sampling, numChoices: 1 };
  return {
    kind: "chat",
    messages: [...(body.system ? [{ role: "system", content: body.system }] : []), { role: "user", content: prompt }],
    tools: [],
    toolChoice: "auto",
    parallelCalls: true,
    continuesLast: false,
    ...thinkingOf(body),
    sampling,
    numChoices: 1,
  };
}

function refuseUnsupported({ images, suffix, template, context }: GenerateRequest): void {
  refuseImages(images, "images");
  const refuse = (param: string, message: string) => {
    throw new ApiError("invalid", `${param}: ${message}`, { param });
  };
  if (suffix) refuse("suffix", "filling in between two texts is not offered; leave it out");
  if (template) refuse("template", "the model's own template is used; leave it out, or send raw: true");
  if (context && context.length > 0) refuse("context", "conversations go on by their messages: use /api/chat");
}
