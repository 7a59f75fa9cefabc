// `luciole bench drafts MODEL`: what speculation gains on a trained model, with the same answers as without. Questions
// are those of the run's own task.
import { ConfigError } from "../errors.js";
import { openForInference, runnerOf } from "../inference/opening/open-for-inference.js";
import { Engine, type Speculation } from "../inference/runtime/engine.js";
import { createTask } from "../tasks/registry.js";
import type { PromptTemplate } from "../tasks/task.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { modelPath } from "./model-path.js";
import { type ComputeFlags, openForAnswers, writeResult } from "./run-verb.js";

const NUM_QUESTIONS = 20;
const ROUNDS = 3;
const CONTEXT = 512;

/** One way of drafting, measured. */
interface DraftFigures {
  readonly speculation: Speculation;
  readonly tokensPerSecond: number;
  readonly speedUp: number;
  readonly drafted: number;
  readonly accepted: number;
}

/** Answers held-out questions one by one, greedily, with each way of drafting; throws when an answer differs. */
export async function benchDrafts(path: string | undefined, flags: ComputeFlags): Promise<void> {
  if (path === undefined)
    throw new ConfigError("luciole bench drafts needs a run of luciole zero, or another model trained on a task");
  await openForAnswers(flags);
  const opened = await openForInference(modelPath(path), { cacheTokens: 4 * CONTEXT });
  const { model, tokenizer, generation, stopIds } = opened;
  const runner = runnerOf(opened);
  try {
    if (!tokenizer || typeof generation.task !== "string")
      throw new ConfigError(
        `${path}: no task is recorded with this model, so there are no questions; use a run of luciole zero`,
      );
    const prompts = questions(generation.task, generation.task_options, opened.template ?? "plain", tokenizer);
    const ways: readonly Speculation[] = runner.mtp ? ["none", "lookup", "mtp"] : ["none", "lookup"];
    const measured = new Map<Speculation, { rates: number[]; drafted: number; accepted: number; ids: string }>();
    for (let round = 0; round <= ROUNDS; round++) {
      for (const speculation of ways) {
        const { rate, ...rest } = await answers(
          new Engine({ runner, speculation, prefixCache: false }),
          prompts,
          stopIds,
          runner.maxPositions,
        );
        if (round > 0)
          measured.set(speculation, { ...rest, rates: [...(measured.get(speculation)?.rates ?? []), rate] });
      }
    }
    const figures = summary(measured);
    writeResult(flags.json, { model: path, questions: NUM_QUESTIONS, figures }, () => figures.map(line));
  } finally {
    runner.dispose();
    model.dispose();
  }
}

function questions(
  name: string,
  options: unknown,
  template: PromptTemplate,
  tokenizer: Tokenizer,
): readonly ArrayLike<number>[] {
  const task = createTask(name, options);
  return Array.from({ length: NUM_QUESTIONS }, (_, i) =>
    tokenizer.encode(task.renderPrompt(task.generate(0, i, "heldout"), template), { addSpecialTokens: true }),
  );
}

async function answers(
  engine: Engine,
  prompts: readonly ArrayLike<number>[],
  stopIds: readonly number[],
  maxPositions: number,
) {
  const started = performance.now();
  let numTokens = 0;
  const texts: string[] = [];
  for (const prompt of prompts) {
    const maxNewTokens = Math.min(CONTEXT, maxPositions) - prompt.length;
    const { ids } = await engine.submit({ prompt, maxNewTokens, sampling: { temperature: 0 }, stopIds, events: false })
      .result;
    numTokens += ids.length;
    texts.push(ids.join());
  }
  const { drafted, accepted } = engine.stats();
  await engine.close();
  return { rate: (1000 * numTokens) / (performance.now() - started), drafted, accepted, ids: texts.join(";") };
}

function summary(
  measured: ReadonlyMap<Speculation, { rates: readonly number[]; drafted: number; accepted: number; ids: string }>,
): DraftFigures[] {
  const middle = (rates: readonly number[]) => [...rates].sort((a, b) => a - b)[rates.length >> 1];
  const plain = measured.get("none");
  return [...measured].map(([speculation, { rates, drafted, accepted, ids }]) => {
    if (plain && ids !== plain.ids)
      throw new Error(`answers with ${speculation} drafts differ from those without: please report this`);
    return {
      speculation,
      tokensPerSecond: middle(rates),
      speedUp: plain ? middle(rates) / middle(plain.rates) : 1,
      drafted,
      accepted,
    };
  });
}

function line({ speculation, tokensPerSecond, speedUp, drafted, accepted }: DraftFigures): string {
  const hits =
    drafted > 0 ? `, ${accepted} of ${drafted} drafts accepted (${((100 * accepted) / drafted).toFixed(0)}%)` : "";
  return `${speculation.padEnd(7)} ${tokensPerSecond.toFixed(0).padStart(6)} tokens/s, ${speedUp.toFixed(2)}x${hits}`;
}
