// `luciole run`: one question, or one a line, to a model; the answer streams, thinking apart.
import { createInterface } from "node:readline";
import { CheckpointError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { generate } from "../inference/generate.js";
import { type OpenedModel, openModel, samplingOf } from "../inference/open-model.js";
import { framePrompt } from "../inference/prompt.js";
import { prefillsThink } from "../tasks/templates.js";
import { createStreamDecoder } from "../tokenizer/stream-decoder.js";
import { AnswerWriter } from "./answer-writer.js";
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
export async function run(nameOrPath: string, question: string | undefined, flags: AskFlags): Promise<void> {
  const path = resolveModel(nameOrPath);
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
  const writer = new AnswerWriter(process.stdout, { prefilled: prefillsThink(prompt), json: flags.json ?? false });
  const decoder = createStreamDecoder(tokenizer, { skipSpecialTokens: true });
  const startedMs = performance.now();
  const request = { prompt: ids, seed: flags.seed ?? 0, maxNewTokens: Math.min(room, flags.maxTokens ?? room) };
  const { temperature, topP } = samplingOf(generation, flags);
  const sampling = { temperature, topP, stopIds, signal };
  const [completion] = await generate(model, [request], { ...sampling, onToken: (_, id) => writer.push(decoder.push(id)) });
  writer.push(decoder.flush());
  writer.finish(question, completion, (performance.now() - startedMs) / 1000);
}
