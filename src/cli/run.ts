// `luciole run`: one question, or one a line, to a model; the answer streams, thinking apart.
import { createInterface } from "node:readline";
import { CheckpointError } from "../errors.js";
import { type Completion, generate } from "../inference/generate.js";
import { type OpenedModel, openModel, samplingOf } from "../inference/open-model.js";
import { framePrompt } from "../inference/prompt.js";
import { type ResponsePart, ThinkSplitter } from "../inference/think-splitter.js";
import { prefillsThink } from "../tasks/templates.js";
import { createStreamDecoder } from "../tokenizer/stream-decoder.js";
import { StoppedBySignal } from "./failure.js";
import { type ComputeFlags, listenForSignals, openForAnswers } from "./run-verb.js";

/** Flags as commander gives them. */
export interface AskFlags extends ComputeFlags {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly raw?: boolean;
  readonly seed?: number;
}

/** Answers `question`, or every line of standard input. */
export async function run(path: string, question: string | undefined, flags: AskFlags): Promise<void> {
  await openForAnswers(flags);
  const opened = await openModel(path);
  if (opened.warning) process.stderr.write(`warning: ${opened.warning}\n`);
  const stop = listenForSignals(() => {});
  try {
    for await (const each of question === undefined ? typedLines(stop.signal) : [question]) {
      await answer(opened, each, flags, stop.signal);
      if (stop.signal.aborted) break;
    }
    if (stop.signal.aborted) throw new StoppedBySignal("stopped", stop.exitCode());
  } finally {
    stop.dispose();
    opened.model.dispose();
  }
}

async function* typedLines(signal: AbortSignal): AsyncGenerator<string> {
  const terminal = process.stdin.isTTY;
  const lines = createInterface({ input: process.stdin, output: terminal ? process.stderr : undefined, signal, prompt: "> " });
  if (terminal) lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== "") yield line;
    if (terminal) lines.prompt();
  }
}

async function answer(opened: OpenedModel, question: string, flags: AskFlags, signal: AbortSignal): Promise<void> {
  const { model, tokenizer, template, stopIds, generation } = opened;
  const prompt = flags.raw ? question : framePrompt(question, template);
  const ids = tokenizer.encode(prompt, { addSpecialTokens: true });
  const room = model.maxPositions - ids.length;
  if (room < 1) throw new CheckpointError(`the prompt has ${ids.length} tokens, the model's context ${model.maxPositions}; shorten it`);
  const writer = new AnswerWriter(prefillsThink(prompt), flags.json ?? false);
  const decoder = createStreamDecoder(tokenizer, { skipSpecialTokens: true });
  const startedMs = performance.now();
  const request = { prompt: ids, seed: flags.seed ?? 0, maxNewTokens: Math.min(room, flags.maxTokens ?? room) };
  const { temperature, topP } = samplingOf(generation, flags);
  const sampling = { temperature, topP, stopIds, signal };
  const [completion] = await generate(model, [request], { ...sampling, onToken: (_, id) => writer.push(decoder.push(id)) });
  writer.push(decoder.flush());
  writer.finish(question, completion, (performance.now() - startedMs) / 1000);
}

/** Shows a response as it comes: thinking dim on a terminal, under a heading of its own elsewhere; in JSON all at the end. */
class AnswerWriter {
  private readonly splitter: ThinkSplitter;
  private readonly whole: Record<ResponsePart, string> = { think: "", answer: "", text: "" };
  private readonly colored = process.stdout.isTTY === true && !process.env.NO_COLOR;
  private shown: ResponsePart | null = null;

  constructor(
    prefilled: boolean,
    private readonly json: boolean,
  ) {
    this.splitter = new ThinkSplitter({ prefilled });
  }

  push(text: string): void {
    for (const { part, text: piece } of this.splitter.push(text)) this.show(part, piece);
  }

  finish(question: string, { ids, stopReason }: Completion, seconds: number): void {
    for (const { part, text } of this.splitter.flush()) this.show(part, text);
    const { think, answer, text } = this.whole;
    const figures = { numTokens: ids.length, tokensPerSecond: ids.length / seconds, stopReason };
    if (this.json) process.stdout.write(`${JSON.stringify({ prompt: question, thinking: think, answer: answer || text.trim(), ...figures })}\n`);
    else process.stdout.write(`${this.colored && this.shown === "think" ? "\x1b[0m" : ""}\n`);
    if (!this.json && stopReason === "length") process.stderr.write(`(cut off at ${ids.length} tokens; allow more with --max-tokens)\n`);
  }

  private show(part: ResponsePart, piece: string): void {
    this.whole[part] += piece;
    const isFiller = part === "text" && piece.trim() === "";
    if (this.json || isFiller) return;
    if (part !== this.shown) process.stdout.write(this.heading(part));
    this.shown = part;
    process.stdout.write(piece);
  }

  private heading(part: ResponsePart): string {
    const gap = this.shown === null ? "" : "\n";
    if (this.colored) return `\x1b[0m${gap}${part === "think" ? "\x1b[2m" : ""}`;
    if (part === "text" && this.shown === null) return "";
    return `${gap}${part === "think" ? "Thinking:" : "Answer:"}\n`;
  }
}
