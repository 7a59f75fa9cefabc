// Calls a person's environment so that whatever goes wrong in it is told by its name, its problem and its turn, and
// nothing waits for ever. Knows how to call; what comes of a reply is the caller's.
import { TrainingError } from "../errors.js";
import type { Random } from "../random.js";
import { withinTime } from "../time-limit.js";
import { type Awaitable, excerpt, failureText, withinLimits } from "./call-limits.js";
import { copyOf } from "./copies.js";
import type { ModelTurn, Problem, Reply, TaskEnvironment } from "./task.js";

/** The environment's side of an episode that has begun. */
export interface OpenEpisode {
  /** Answers a turn. */
  reply(turn: ModelTurn): Promise<Reply>;
  close(): Promise<void>;
}

/**
 * Begins an episode. Its calls throw TrainingError naming environment, problem and turn: when it throws, rejects, has
 * not settled in time, or gives something that is no reply; the signal's reason when that fires.
 */
export async function beginEpisode(
  { environment, timeoutSeconds }: TaskEnvironment,
  problem: Problem,
  random: Random,
  signal?: AbortSignal,
): Promise<OpenEpisode> {
  const { name } = environment;
  const call = <T>(where: string, body: () => Awaitable<T>): Promise<T> =>
    settled(`environment "${name}"`, `${where} problem ${excerpt(problem.id)}`, body, { timeoutSeconds, signal });
  const begun = await call("at the beginning of", () => environment.begin(copyOf(problem), random));
  if (typeof begun?.reply !== "function")
    throw new TrainingError(`environment "${name}": begin() must give an episode with a function reply, got ${begun}`);
  return {
    async reply(turn) {
      const where = `in turn ${turn.index + 1} (${excerpt(turn.text)}) of`;
      const reply = await call(where, () => begun.reply(turn));
      if (isReply(reply)) return reply;
      throw new TrainingError(
        `environment "${name}" returned ${excerpt(String(JSON.stringify(reply)))} ${where} problem ` +
          `${excerpt(problem.id)}; expected a text, null, or { answer } with a text or null`,
      );
    },
    close: () => call("at the end of", async () => begun.close?.()),
  };
}

async function settled<T>(
  who: string,
  where: string,
  body: () => Awaitable<T>,
  limits: { readonly timeoutSeconds: number; readonly signal?: AbortSignal },
): Promise<T> {
  let late: Error | undefined;
  const onTimeout = (seconds: number) => {
    late = new TrainingError(
      `${who} has not settled ${where} within ${seconds} s: it is too slow, or never ends; fix it, or allow ` +
        "more time with environment.timeoutSeconds",
    );
    return late;
  };
  try {
    const limitMs = Math.min(1000 * limits.timeoutSeconds, MAX_TIMER_MS);
    const value = withinTime(limitMs, body, () => onTimeout(limits.timeoutSeconds));
    return await withinLimits(value, onTimeout, limits);
  } catch (error) {
    if (error === late || (limits.signal?.aborted && error === limits.signal.reason)) throw error;
    throw new TrainingError(`${who} failed ${where}: ${failureText(error)}`, { cause: error });
  }
}

/** Longer ones are more than a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function isReply(reply: unknown): reply is Reply {
  if (reply === null || typeof reply === "string") return true;
  if (typeof reply !== "object") return false;
  const { answer } = reply as { readonly answer?: unknown };
  return answer === null || typeof answer === "string";
}
