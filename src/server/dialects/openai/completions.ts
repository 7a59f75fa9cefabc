// /completions: texts in, what the model goes on with out, whole or as a stream.
import type { TokenEvent } from "../../../inference/index.js";
import type { Tokenizer } from "../../../tokenizer/index.js";
import { asApiError } from "../../api-error.js";
import type { App, Context, ServerContext } from "../../context.js";
import { readBody } from "../../http/body.js";
import { EVENTS, lineStream } from "../../http/line-stream.js";
import { mergedEvents, type Reply, type ReplyEnd, totalUsage, type Usage, wholeReplies } from "../../replies/reply.js";
import type { ReplyPiece } from "../../replies/reply-reader.js";
import { type StartedReplies, startReplies } from "../../replies/start-replies.js";
import type { TextTask } from "../../replies/task.js";
import { type CompletionHead, completionHead, finishReason } from "./completion-head.js";
import { errorBody } from "./error-body.js";
import { NEVER_LOG_PROB } from "./log-probs.js";
import { TEXT_REQUEST, type TextRequest, tasksOfTexts } from "./text-request.js";
import { usageBody } from "./usage.js";

/** Answers under `prefix`. */
export function registerCompletions(app: App, server: ServerContext, prefix: string): void {
  app.post(`${prefix}/completions`, (c) => answer(c, server));
}

async function answer(c: Context, server: ServerContext): Promise<Response> {
  const body = await readBody(c, TEXT_REQUEST);
  const tasks = tasksOfTexts(body);
  const ending = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, ending.signal]);
  const started = await startAll(server, body.model ?? server.models.defaultName, tasks, signal, ending);
  const texts = new TextChoices(completionHead("cmpl-", started.model.name), body, tasks, started);
  if (!body.stream) return c.json(await texts.whole());
  return lineStream(texts.lines(), {
    form: EVENTS,
    onEnd: () => ending.abort(),
    errorLine: (error) => `data: ${JSON.stringify(errorBody(asApiError(error)))}\n\n`,
    stalledSeconds: server.settings.stalledSeconds,
  });
}

type Started = Pick<StartedReplies, "model" | "replies">;

/** Starts the replies of all prompts, numbered through. Where one is refused, all end. */
async function startAll(
  server: ServerContext,
  name: string,
  tasks: readonly TextTask[],
  signal: AbortSignal,
  ending: AbortController,
): Promise<Started> {
  try {
    const each = await Promise.all(tasks.map((task) => startReplies(server, name, task, signal)));
    const replies = each.flatMap((started) => started.replies);
    return { model: each[0].model, replies: replies.map((reply, choice): Reply => ({ ...reply, choice })) };
  } catch (error) {
    ending.abort();
    throw error;
  }
}

/** The choices of one request on the wire. */
class TextChoices {
  /** Characters of each choice so far, for the places of tokens. */
  private readonly lengths: number[];

  constructor(
    private readonly head: CompletionHead,
    private readonly body: TextRequest,
    private readonly tasks: readonly TextTask[],
    private readonly started: Started,
  ) {
    this.lengths = started.replies.map(() => 0);
  }

  async whole(): Promise<object> {
    const whole = await wholeReplies(this.started.replies);
    const choices = whole.map(({ answer: text, tokens, end }, index) =>
      this.choice(index, this.echoOf(index) + text, tokens, end),
    );
    return { ...this.frame(), choices, usage: usageBody(this.usage(whole.map(({ end }) => end.usage))) };
  }

  async *lines(): AsyncGenerator<string> {
    const usages: Usage[] = [];
    const include = this.body.stream_options?.include_usage ?? false;
    const line = (value: object) => `data: ${JSON.stringify({ ...this.frame(), ...value })}\n\n`;
    const chunk = (choice: object) => line({ choices: [choice], ...(include && { usage: null }) });
    if (this.body.echo)
      for (const { choice } of this.started.replies) yield chunk(this.choice(choice, this.echoOf(choice), []));
    for await (const event of mergedEvents(this.started.replies)) {
      if (event.kind === "end") {
        usages[event.choice] = event.usage;
        yield chunk(this.choice(event.choice, "", [], event));
      } else {
        const text = event.pieces.map(textOf).join("");
        if (text !== "" || this.wantsLogProbs)
          yield chunk(this.choice(event.choice, text, event.token ? [event.token] : []));
      }
    }
    yield `${include ? line({ choices: [], usage: usageBody(this.usage(usages)) }) : ""}data: [DONE]\n\n`;
  }

  private get wantsLogProbs(): boolean {
    return this.body.logprobs !== undefined;
  }

  private choice(index: number, text: string, tokens: readonly TokenEvent[], end?: ReplyEnd): object {
    const offset = this.lengths[index];
    this.lengths[index] += text.length;
    return {
      index,
      text,
      logprobs: this.wantsLogProbs ? logProbsOf(this.started.model.tokenizer, tokens, offset) : null,
      finish_reason: end ? finishReason(end.ending) : null,
      ...(end && { stop_reason: end.stopText ?? null }),
    };
  }

  private echoOf(choice: number): string {
    if (!this.body.echo) return "";
    const { prompt, numChoices } = this.tasks[Math.floor(choice / this.tasks[0].numChoices)] ?? this.tasks[0];
    if (numChoices < 1) return "";
    return typeof prompt === "string" ? prompt : this.started.model.tokenizer.decode(prompt);
  }

  /** Each prompt counts once. */
  private usage(usages: readonly Usage[]): Usage {
    const { numChoices } = this.tasks[0];
    const groups = this.tasks.map((_, i) => totalUsage(usages.slice(i * numChoices, (i + 1) * numChoices)));
    const sum = (of: (usage: Usage) => number) => groups.reduce((total, each) => total + of(each), 0);
    return {
      promptTokens: sum((usage) => usage.promptTokens),
      cachedTokens: sum((usage) => usage.cachedTokens),
      completionTokens: sum((usage) => usage.completionTokens),
      thinkingTokens: 0,
    };
  }

  private frame() {
    const { id, created, model, system_fingerprint } = this.head;
    return { id, object: "text_completion", created, model, system_fingerprint };
  }
}

const textOf = (piece: ReplyPiece): string => (piece.kind === "text" ? piece.text : "");

/** Log-probabilities in the older form: lists side by side. */
function logProbsOf(tokenizer: Tokenizer, tokens: readonly TokenEvent[], start: number): object {
  const texts = tokens.map(({ id }) => tokenizer.decode([id]));
  let offset = start;
  return {
    tokens: texts,
    token_logprobs: tokens.map(({ logProb }) => Math.max(NEVER_LOG_PROB, logProb)),
    top_logprobs: tokens.map(({ top = [] }) =>
      Object.fromEntries(top.map(({ id, logProb }) => [tokenizer.decode([id]), Math.max(NEVER_LOG_PROB, logProb)])),
    ),
    text_offset: texts.map((text) => {
      const at = offset;
      offset += text.length;
      return at;
    }),
  };
}
