// One episode: the policy's turns and its environment's, in turn, until one of them ends it or a limit does. Every turn
// goes on from the cache of those before. Knows no algorithm.
import { CompletionReader, type CompletionReading } from "../inference/runtime/completion-reader.js";
import type { GenerateRequest, Sample } from "../inference/runtime/generate.js";
import type { Completion, FinishReason } from "../inference/runtime/request.js";
import { hashString, Random } from "../random.js";
import { beginEpisode, type OpenEpisode } from "../tasks/environment-call.js";
import type { ParsedResponse } from "../tasks/response.js";
import type { Problem, TaskEnvironment } from "../tasks/task.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { ProblemPrompt } from "./problem-prompt.js";
import { asReply, type EncodedReply, type ReplyEncoder } from "./reply-encoding.js";
import type { Trajectory, Turn } from "./trajectory.js";

/** Where a trajectory begins. */
export interface EpisodeStart {
  readonly problem: Problem;
  readonly prompt: ProblemPrompt;
  /** Of the first turn; the later ones and the environment have seeds made of it. */
  readonly seed: string;
}

/** What an episode is played with. */
export interface EpisodePlan {
  readonly environment: TaskEnvironment;
  readonly sample: Sample;
  readonly tokenizer: Tokenizer;
  readonly encoder: ReplyEncoder;
  readonly stopIds: readonly number[];
  /** Tokens of both sides together, the prompt's left out. */
  readonly maxNewTokens: number;
}

/** The request for the first turn. */
export const firstRequest = (
  { prompt: { ids: prompt, form, startsInside }, seed }: EpisodeStart,
  maxNewTokens: number,
): GenerateRequest => ({ prompt, form, thinking: { startsInside }, seed: hashString(seed), maxNewTokens });

/** What one turn came to, as the trajectory that it is without an environment. */
export function singleTurn({ problem, prompt }: EpisodeStart, completion: Completion): Trajectory {
  const { ids: completionIds, text, response, logProbs, numThinking, finishReason } = completion;
  const read = { completion: text, response, numThinking };
  return { problem, prompt: prompt.text, promptIds: prompt.ids, completionIds, ...read, logProbs, finishReason };
}

/**
 * Plays an episode. A limit of turns or tokens ends it as "length". Throws TrainingError for whatever the environment
 * does wrong, and the signal's reason.
 */
export async function playEpisode(plan: EpisodePlan, start: EpisodeStart, signal?: AbortSignal): Promise<Trajectory> {
  const random = new Random(hashString(`${start.seed}/environment`));
  const episode = await beginEpisode(plan.environment, start.problem, random, signal);
  let trajectory: Trajectory;
  try {
    trajectory = await playTurns(plan, start, episode);
  } catch (error) {
    await episode.close().catch(() => {}); // what ended the episode is told, not what followed from it
    throw error;
  }
  await episode.close();
  return trajectory;
}

async function playTurns(plan: EpisodePlan, start: EpisodeStart, episode: OpenEpisode): Promise<Trajectory> {
  const record = new EpisodeRecord(plan, start);
  const { environment, maxTurns } = plan.environment;
  for (let index = 0; ; index++) {
    const completion = await plan.sample(record.request(index));
    const response = record.take(completion);
    if (completion.finishReason !== "stop") return record.end(completion.finishReason);
    const { text, stopText: stop = null, ids } = completion;
    const reply = await episode.reply({ index, text, stop, response });
    if (typeof reply !== "string") return record.end("stop", reply?.answer);
    if (index + 1 === maxTurns) return record.end("length");
    const encoded = asReply(environment.name, () =>
      stop === null ? plan.encoder.message(reply, ids[ids.length - 1]) : plan.encoder.inline(reply),
    );
    if (!record.answer(reply, encoded)) return record.end("length");
  }
}

/** What an episode has come to so far. */
class EpisodeRecord {
  private readonly turns: Turn[] = [];
  private readonly logProbs: Float32Array[] = [];
  private completion = "";
  private numTokens = 0;
  /** Tokens of the response under way: of all turns since the last message. */
  private responseIds: Int32Array[] = [];
  private startsInside: boolean;
  private reading?: CompletionReading;
  /** Of the responses before that one. */
  private numThinking = 0;
  private isWellFormed = true;

  constructor(
    private readonly plan: EpisodePlan,
    private readonly start: EpisodeStart,
  ) {
    this.startsInside = start.prompt.startsInside;
  }

  /** The request for the next turn: all that was said so far is its prompt. */
  request(index: number): GenerateRequest {
    const { plan, start, turns } = this;
    const first = firstRequest(start, plan.maxNewTokens - this.numTokens);
    const turnEnds = plan.environment.environment.stops;
    if (index === 0) return { ...first, turnEnds };
    const prompt = joined([start.prompt.ids, ...turns.map(({ ids }) => ids)]);
    return { ...first, turnEnds, prompt, seed: hashString(`${start.seed}/${index}`) };
  }

  /** Takes the model's turn; gives the response as it stands. */
  take({ ids, text, logProbs }: Completion): ParsedResponse {
    const { plan, start, startsInside } = this;
    this.turns.push({ from: "model", text, ids });
    this.logProbs.push(logProbs);
    this.completion += text;
    this.numTokens += ids.length;
    this.responseIds.push(ids);
    const reader = new CompletionReader(plan.tokenizer, { startsInside, form: start.prompt.form }, []);
    reader.pushAll(joined(this.responseIds), new Set(plan.stopIds));
    reader.end();
    this.reading = reader.read();
    return this.reading.response;
  }

  /** Takes the environment's turn, if it leaves the model a token. */
  answer(text: string, { ids, startsInside }: EncodedReply): boolean {
    if (this.numTokens + ids.length >= this.plan.maxNewTokens) return false;
    this.turns.push({ from: "environment", text, ids });
    this.numTokens += ids.length;
    if (startsInside === null) return true;
    const { numThinking = 0, response } = this.reading ?? {};
    this.numThinking += numThinking;
    this.isWellFormed &&= response?.wellFormed ?? true;
    Object.assign(this, { responseIds: [], startsInside, completion: `${this.completion}\n` });
    return true;
  }

  /** The whole. `answer`: what is graded in place of the model's own. */
  end(finishReason: FinishReason, answer?: string | null): Trajectory {
    const { turns, completion, logProbs } = this;
    const { problem, prompt } = this.start;
    const { response, numThinking } = this.reading as CompletionReading;
    const wellFormed = this.isWellFormed && response.wellFormed;
    return {
      problem,
      prompt: prompt.text,
      promptIds: prompt.ids,
      completionIds: joined(turns.flatMap(({ from, ids }) => (from === "model" ? [ids] : []))),
      completion,
      response: { ...response, wellFormed, ...(answer === undefined ? {} : { answer }) },
      numThinking: this.numThinking + numThinking,
      logProbs: Float32Array.from(logProbs.flatMap((each) => [...each])),
      finishReason,
      turns,
    };
  }
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
