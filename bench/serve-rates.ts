// What HTTP costs, and how our server stands beside llama.cpp's: tokens a second of all clients together and the time
// to the first token, on one GGUF file, round by round in turn.
import { join } from "node:path";
import { type OpenedEngine, openEngine } from "../src/inference/opening/open-engine.js";
import { randomPrompt } from "../src/inference/runtime/measure.js";
import { type BenchOptions, type Line, median } from "./claim.js";
import { writeRandomGguf } from "./random-gguf.js";
import { llamaServer, type ServerProcess, startLlama, startOurs } from "./serve-process.js";
import { streamCompletion } from "./serve-stream.js";

const SHAPE = "r1-distill-qwen-1.5b";
/** Ids of prompts are below it; the shape has some more. */
const VOCABULARY = 150_000;
const MOST_CLIENTS = 16;

/** How much is asked. */
interface Amounts {
  /** Of the shape. */
  readonly shape: string;
  readonly promptTokens: number;
  readonly newTokens: number;
  /** Counted ones. */
  readonly rounds: number;
}
const WHOLE: Amounts = { shape: SHAPE, promptTokens: 512, newTokens: 128, rounds: 3 };
/** To see that everything runs; the ratios are not those of the whole. */
const QUICK: Amounts = { shape: `${SHAPE}:layers=2`, promptTokens: 128, newTokens: 16, rounds: 1 };
const amountsOf = ({ quick }: BenchOptions): Amounts => (quick ? QUICK : WHOLE);
/** Tokens of a sequence: prompt, answer, and a block's rounding. */
const sequenceTokens = ({ promptTokens, newTokens }: Amounts): number => promptTokens + newTokens + 64;

/** Ratios wanted beside llama.cpp, by the number of clients. */
const TARGETS: Readonly<Record<number, { readonly rate: number; readonly first?: number }>> = {
  1: { rate: 1 },
  4: { rate: 1 },
  16: { rate: 2.5, first: 0.5 },
};

/** What clients got who asked at the same time. */
interface Round {
  /** Of all together. */
  readonly tokensPerSecond: number;
  /** Of the middle client. */
  readonly firstMs: number;
}

/** Asks for a completion of a prompt; resolves to its tokens and the time to the first. */
type Ask = (prompt: readonly number[], newTokens: number, seed: number) => Promise<{ firstMs: number; tokens: number }>;

/** Tokens a second over HTTP beside those of an engine that is asked directly. */
export async function costLines(options: BenchOptions, folder: string): Promise<Line[]> {
  const amounts = amountsOf(options);
  const file = await fileOf(amounts, folder);
  const { threads, log } = options;
  const engine = await openEngine(file, {
    cacheTokens: MOST_CLIENTS * sequenceTokens(amounts),
    maxSequences: MOST_CLIENTS,
    thread: { threads },
  });
  const server = await startOurs(`m=${file}`, ourFlags(amounts, threads));
  const rounds: { http: Round; direct: Round }[] = [];
  try {
    for (let i = 0; i <= amounts.rounds; i++) {
      const direct = await round(amounts, askEngine(engine), MOST_CLIENTS, i);
      const http = await round(amounts, askServer(server), MOST_CLIENTS, i);
      if (i > 0) rounds.push({ http, direct });
    }
  } finally {
    await Promise.all([server.end(), engine.dispose()]);
  }
  const reached = median(rounds.map(({ http, direct }) => http.tokensPerSecond / direct.tokensPerSecond));
  log(`serve: HTTP gives ${(100 * reached).toFixed(1)}% of the engine's rate`);
  return [
    {
      claim: "serve",
      what: `${amounts.shape} q8_0, ${MOST_CLIENTS} clients over HTTP / the engine itself`,
      unit: "tokens/s",
      ours: median(rounds.map(({ http }) => http.tokensPerSecond)),
      ceiling: median(rounds.map(({ direct }) => direct.tokensPerSecond)),
      reached,
      target: { atLeast: 0.97 },
      note: `${asked(amounts)}; the ceiling is an engine in a thread of its own`,
    },
  ];
}

/** Ours beside llama.cpp's server, for 1, 4 and 16 clients. */
export async function peerLines(options: BenchOptions, folder: string): Promise<Line[]> {
  const { threads, log, oursOnly } = options;
  const path = oursOnly ? null : llamaServer(log);
  const amounts = amountsOf(options);
  const file = await fileOf(amounts, folder);
  const slots = { slots: MOST_CLIENTS, tokens: sequenceTokens(amounts), threads };
  const servers: ServerProcess[] = [await startOurs(`m=${file}`, ourFlags(amounts, threads))];
  try {
    if (path !== null) servers.push(await startLlama(path, file, slots));
    const lines: Line[] = [];
    for (const clients of Object.keys(TARGETS).map(Number)) {
      const sides = await inTurn(amounts, servers, clients);
      lines.push(...clientLines(amounts, clients, sides));
      log(`serve: ${clients} clients: ${sides.map((side) => `${rateOf(side).toFixed(1)} tokens/s`).join(", ")}`);
    }
    return lines;
  } finally {
    await Promise.all(servers.map((server) => server.end()));
  }
}

const asked = ({ promptTokens, newTokens }: Amounts): string => `prompts of ${promptTokens}, answers of ${newTokens}`;

async function fileOf({ shape }: Amounts, folder: string): Promise<string> {
  const file = join(folder, "rates.gguf");
  await writeRandomGguf(file, shape, "q8_0");
  return file;
}

const ourFlags = (amounts: Amounts, threads: number): string[] => [
  ...["--threads", `${threads}`, "--max-sequences", `${MOST_CLIENTS}`],
  ...["--cache-tokens", `${MOST_CLIENTS * sequenceTokens(amounts)}`],
];

/** Rounds of each server in turn; the first is not counted. */
async function inTurn(amounts: Amounts, servers: readonly ServerProcess[], clients: number): Promise<Round[][]> {
  const sides: Round[][] = servers.map(() => []);
  for (let i = 0; i <= amounts.rounds; i++)
    for (const [s, server] of servers.entries()) {
      const measured = await round(amounts, askServer(server), clients, clients * 100 + i);
      if (i > 0) sides[s].push(measured);
    }
  return sides;
}

/** All clients ask at once, each its own prompt. */
async function round({ promptTokens, newTokens }: Amounts, ask: Ask, clients: number, seed: number): Promise<Round> {
  const prompts = Array.from({ length: clients }, (_, i) => randomPrompt(seed * 1000 + i, promptTokens, VOCABULARY));
  const startedMs = performance.now();
  const answers = await Promise.all(prompts.map((prompt, i) => ask(prompt, newTokens, seed * 1000 + i)));
  const seconds = (performance.now() - startedMs) / 1000;
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0);
  return { tokensPerSecond: tokens / seconds, firstMs: median(answers.map(({ firstMs }) => firstMs)) };
}

const askServer =
  ({ port }: ServerProcess): Ask =>
  (prompt, newTokens, seed) =>
    streamCompletion(port, prompt, newTokens, seed);

const askEngine =
  ({ engine }: OpenedEngine): Ask =>
  async (prompt, newTokens, seed) => {
    const startedMs = performance.now();
    let firstMs = 0;
    let tokens = 0;
    for await (const _ of engine.submit({ prompt, maxNewTokens: newTokens, sampling: { temperature: 1, seed } }))
      if (tokens++ === 0) firstMs = performance.now() - startedMs;
    return { firstMs, tokens };
  };

const rateOf = (side: readonly Round[]): number => median(side.map(({ tokensPerSecond }) => tokensPerSecond));
const firstOf = (side: readonly Round[]): number => median(side.map(({ firstMs }) => firstMs));
/** Ours over the peer's, round by round. */
const ratio = (of: (each: Round) => number, [ours, peer]: readonly Round[][]): number =>
  median(ours.map((own, i) => of(own) / of(peer[i])));

function clientLines(amounts: Amounts, clients: number, sides: readonly Round[][]): Line[] {
  const [ours, peer] = sides;
  const { rate, first } = TARGETS[clients];
  const many = `${amounts.shape} q8_0, ${clients} client${clients > 1 ? "s" : ""}`;
  return [
    {
      claim: "serve",
      what: `${many}, all together`,
      unit: "tokens/s",
      ours: rateOf(ours),
      note: asked(amounts),
      ...(peer && {
        peer: rateOf(peer),
        reached: ratio(({ tokensPerSecond }) => tokensPerSecond, [...sides]),
        target: { atLeast: rate },
      }),
    },
    {
      claim: "serve",
      what: `${many}, time to first token`,
      unit: "ms",
      ours: firstOf(ours),
      ...(peer && { peer: firstOf(peer), reached: ratio(({ firstMs }) => firstMs, [...sides]) }),
      ...(peer && first !== undefined && { target: { atMost: first } }),
    },
  ];
}
