// Claims about episodes: turn by turn, token by token, whoever else is sampled; and what goes wrong in an environment
// is told in one line.
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { TrainingError } from "../errors.js";
import type { Sample } from "../inference/runtime/generate.js";
import { PagedRunner } from "../inference/runtime/paged-runner.js";
import { createModel } from "../models/create.js";
import { oneLayerLlama } from "../models/one-layer-llama.fixture.js";
import { createArithmeticTask } from "../tasks/arithmetic.js";
import { inEnvironment } from "../tasks/environment.js";
import { parseResponse, RESPONSE_TAGS } from "../tasks/response.js";
import type { Environment, Episode, ModelTurn, Task } from "../tasks/task.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { BLOCK_TOKENS } from "../tensor/ops/paged-layout.js";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { createTokenizer } from "../tokenizer/create-tokenizer.js";
import { Interrupted } from "../train/interrupted.js";
import { playEpisode } from "./episode.js";
import type { PromptStyle } from "./problem-prompt.js";
import { replyEncoder } from "./reply-encoding.js";
import { rollout } from "./rollout.js";
import { sequenceOf, type Trajectory } from "./trajectory.js";

const characters = createCharTokenizer("0123456789+-*/=:; \nQA<think>sweru[]?", {
  eos: "<eos>",
  tags: [...RESPONSE_TAGS],
});
const bytes = createByteTokenizer({ eos: "<eos>", tags: [...RESPONSE_TAGS] });
const chatty = createTokenizer(bytes.toJSON(), {
  eos_token: "<eos>",
  chat_template:
    "{% for m in messages %}{% if m.role == 'user' %}Q{{ m.content }}A{% else %}{{ m.content | trim }}<eos>{% endif %}{% endfor %}",
});
const fields = { max_position_embeddings: 160, initializer_range: 0.3 };
const arithmetic = createArithmeticTask({ maxDigits: 1 }) as unknown as Task;
const problems = [0, 1].map((index) => arithmetic.generate(0, index, "train"));

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const original = PagedRunner.prototype.step;
const environmentOf = (reply: Episode["reply"], more: Partial<Environment> = {}): Environment => ({
  name: "test",
  begin: () => ({ reply }),
  ...more,
});

interface Play {
  readonly environment: Environment;
  readonly maxTurns?: number;
  readonly timeoutSeconds?: number;
  readonly template?: PromptStyle;
  readonly maxSequences?: number;
  readonly maxNewTokens?: number;
  readonly signal?: AbortSignal;
}

async function play({
  environment,
  maxTurns = 8,
  timeoutSeconds = 5,
  template = "compact",
  maxSequences = 64,
  maxNewTokens = 60,
  signal,
}: Play): Promise<Trajectory[]> {
  const tokenizer = template === "chat" ? chatty : characters;
  const model = createModel(oneLayerLlama(tokenizer.vocabSize, fields), { compute: "f32", seed: 1 });
  const policy = { model, tokenizer, template, stopIds: [tokenizer.eosId as number] };
  try {
    const task = inEnvironment(arithmetic, { environment, maxTurns, timeoutSeconds });
    return await rollout(policy, task, problems, {
      ...{ numGenerations: 6, maxNewTokens, temperature: 1, maxSequences, seed: 4, signal },
    });
  } finally {
    model.dispose();
  }
}

/** Common enough that a random model says them. */
const stops = ["=", "1", "2", "3", "4"];

test("replies stand in the sequence as encoded, once, and the completion is the model's side alone", async () => {
  const seen: ModelTurn[] = [];
  const reply = (turn: ModelTurn) => {
    seen.push(turn);
    return turn.index < 2 ? `[${turn.index}]` : null;
  };
  const trajectories = await play({ environment: environmentOf(reply, { stops }) });
  expect(trajectories.filter(({ turns = [] }) => turns.length === 5).length).toBeGreaterThan(3);
  for (const { promptIds, completionIds, completion, logProbs, turns = [], ...rest } of trajectories) {
    const { ids, targets } = sequenceOf({ promptIds, completionIds, completion, logProbs, turns, ...rest });
    expect([...ids]).toEqual([...promptIds, ...turns.flatMap((turn) => [...turn.ids])]);
    expect([...targets].map((at) => ids[at])).toEqual([...completionIds]);
    expect(logProbs).toHaveLength(completionIds.length);
    const own = turns.filter(({ from }) => from === "model");
    expect(own.flatMap((turn) => [...turn.ids])).toEqual([...completionIds]);
    for (const [i, { from, text, ids: said }] of turns.entries()) {
      expect(from).toBe(i % 2 ? "environment" : "model");
      if (from === "model") continue;
      const isInline = stops.some((stop) => turns[i - 1].text.endsWith(stop));
      const framed = isInline ? text : `\nQ:${text}\nA:`;
      expect(characters.decode(said)).toBe(framed);
      expect(text).toBe(`[${(i - 1) / 2}]`);
    }
  }
  expect(seen.every(({ stop, text }) => stop === null || text.endsWith(stop))).toBe(true);
  expect(seen.some(({ stop }) => stop === null)).toBe(true);
});

test("episodes are the same alone and in company, when replies come late, and at any hand", async () => {
  const begin: Environment["begin"] = (_, random) => ({
    async reply({ index, text }) {
      await new Promise((resolve) => setTimeout(resolve, text.length % 3));
      return index < 3 ? `${random.below(1000)}` : null;
    },
  });
  const environment = { name: "late", stops, begin };
  const plain = (all: readonly Trajectory[]) => all.map(({ turns, logProbs }) => ({ turns, logProbs }));
  const together = plain(await play({ environment }));
  expect(plain(await play({ environment, maxSequences: 1 }))).toEqual(together);
  expect(plain(await play({ environment, maxSequences: 5 }))).toEqual(together);
  expect(new Set(together.map(({ turns = [] }) => turns[1]?.text)).size).toBeGreaterThan(3);
});

test("a turn computes what is new behind the last full block of the cache, and nothing again", async () => {
  let numComputed = 0;
  const step = vi.spyOn(PagedRunner.prototype, "step").mockImplementation(function (this: PagedRunner, plan) {
    numComputed += plan.ids.length;
    return original.call(this, plan);
  });
  try {
    const environment = environmentOf(({ index }) => (index < 4 ? "7" : null));
    const trajectories = await play({ environment, maxNewTokens: 140, maxSequences: 1 });
    let expected = 0;
    const seen: string[] = [];
    for (const { promptIds, turns = [] } of trajectories) {
      let [known, cached] = [promptIds.length, 0];
      for (const { from, ids } of turns) {
        if (from === "model") {
          // All of the prompt but what is cached, and all new tokens but the last, which nothing follows.
          expected += known - cached + ids.length - 1;
          cached = Math.floor((known + ids.length - 1) / BLOCK_TOKENS) * BLOCK_TOKENS;
          seen.push(`${cached}`);
        }
        known += ids.length;
      }
    }
    expect(seen).toContain("64"); // some turn went over a block
    expect(numComputed).toBe(expected);
  } finally {
    step.mockRestore();
  }
});

test("limits of turns and of tokens, both sides' together, end an episode as cut off", async () => {
  const endless = environmentOf(() => "1+1", { stops });
  let longest = 0;
  for (const { turns = [], finishReason } of await play({ environment: endless, maxTurns: 3 })) {
    expect(turns.filter(({ from }) => from === "model").length).toBeLessThanOrEqual(3);
    expect(finishReason).toBe("length");
    longest = Math.max(longest, turns.length);
  }
  expect(longest).toBe(5); // the third turn of the model is its last
  for (const { turns = [], finishReason } of await play({ environment: endless, maxTurns: 99, maxNewTokens: 30 })) {
    expect(turns.reduce((sum, { ids }) => sum + ids.length, 0)).toBeLessThanOrEqual(30);
    expect(turns.at(-1)?.from).toBe("model");
    expect(finishReason).toBe("length");
  }
});

test("what ends the game is graded in place of the model's own words", async () => {
  const [{ response, finishReason }] = await play({ environment: environmentOf(() => ({ answer: "42" }), { stops }) });
  expect([response.answer, finishReason]).toEqual(["42", "stop"]);
  const none = await play({ environment: environmentOf(() => ({ answer: null }), { stops }) });
  expect(none.every((each) => each.finishReason !== "stop" || each.response.answer === null)).toBe(true);
});

test("a response goes on behind an inline reply and begins anew behind a message", async () => {
  const script = ["<think>1=", "2</think><answer>7</answer>", "<think>s</think><answer>8</answer>"];
  const replies = ["</think>5", "e 9", null];
  const prompts: string[] = [];
  const turns: ModelTurn[] = [];
  const sample: Sample = async ({ prompt }) => {
    prompts.push(characters.decode(prompt));
    const text = script[prompts.length - 1];
    const ids = characters.encode(text.endsWith("=") ? text : `${text}<eos>`);
    const rest = { numThinking: 0, isThinkClosed: true, numPrefixHits: 0, numDrafted: 0, numAccepted: 0 };
    const stopText = text.endsWith("=") ? "=" : undefined;
    const response = parseResponse(text);
    return { ids, text, response, logProbs: new Float32Array(ids.length), finishReason: "stop", stopText, ...rest };
  };
  const environment = environmentOf((turn) => {
    turns.push(turn);
    return replies[turn.index];
  });
  const tokenizer = characters;
  const plan = { tokenizer, encoder: replyEncoder(tokenizer, "compact"), stopIds: [characters.eosId as number] };
  const placed = { environment, maxTurns: 9, timeoutSeconds: 1 };
  const prompt = { text: "Q", ids: characters.encode("Q"), startsInside: false, form: "tagged" } as const;
  const start = { problem: problems[0], prompt, seed: "s" };
  const episode = await playEpisode({ ...plan, environment: placed, sample, maxNewTokens: 200 }, start);
  expect(prompts).toEqual([
    "Q",
    "Q<think>1=</think>5",
    "Q<think>1=</think>52</think><answer>7</answer><eos>\nQ:e 9\nA:",
  ]);
  expect(turns.map(({ response: { think, answer, wellFormed } }) => [think, answer, wellFormed])).toEqual([
    ["1=", null, false],
    ["1=2", "7", true],
    ["s", "8", true],
  ]);
  // The tag in the first reply is spelled: it is no token and closes no thought.
  expect([...(episode.turns?.[1].ids ?? [])]).not.toContain(characters.tokenId("</think>"));
  expect(episode).toMatchObject({ finishReason: "stop", numThinking: 4, response: { answer: "8", wellFormed: true } });
  expect(episode.completion).toBe(`${script[0]}${script[1]}\n${script[2]}`);
});

test("a chat template frames messages, and the token that ended the turn is not said twice", async () => {
  const environment = environmentOf(({ index }) => (index === 0 ? "<eos>7" : null));
  const trajectories = await play({ environment, template: "chat" });
  const answered = trajectories.filter(({ turns = [] }) => turns.length > 1);
  expect(answered.length).toBeGreaterThan(3);
  for (const { turns = [] } of answered) {
    expect(turns[0].ids.at(-1)).toBe(chatty.eosId);
    // The end token in the message is spelled, not meant.
    expect(chatty.decode(turns[1].ids)).toBe("Q<eos>7A");
    expect([...turns[1].ids]).not.toContain(chatty.eosId);
  }
});

describe("an environment", () => {
  const never = () => new Promise<never>(() => {});
  const forever = () => {
    for (;;);
  };
  const failing = (): never => {
    throw new Error("no such move");
  };
  const where = String.raw`in turn 1 \(".*"\) of problem ".+"`;
  test.each<[string, Environment, RegExp]>([
    [
      "throws",
      environmentOf(failing),
      new RegExp(`^environment "test" failed ${where}: no such move \\(at .*:\\d+\\)$`),
    ],
    ["rejects", environmentOf(async () => failing()), new RegExp(`^environment "test" failed ${where}: no such move`)],
    [
      "never replies",
      environmentOf(never),
      new RegExp(`^environment "test" has not settled ${where} within 0.2 s: .*environment.timeoutSeconds$`),
    ],
    ["runs for ever", environmentOf(forever), new RegExp(`^environment "test" has not settled ${where} within 0.2 s`)],
    [
      "says what is no reply",
      environmentOf(() => 7 as never),
      new RegExp(`^environment "test" returned "7" ${where}; expected a text, null, or`),
    ],
    [
      "throws at the beginning",
      { name: "test", begin: failing },
      /^environment "test" failed at the beginning of problem ".+": no such move/,
    ],
    [
      "begins nothing",
      { name: "test", begin: () => ({}) as never },
      /begin\(\) must give an episode with a function reply/,
    ],
    [
      "does not end",
      { name: "test", begin: () => ({ reply: () => null, close: never }) },
      /^environment "test" has not settled at the end of problem ".+" within 0.2 s/,
    ],
    [
      "says what no token can",
      environmentOf(() => "é"),
      /^the reply of environment "test" cannot be encoded: character "é"/,
    ],
  ])("that %s is named with its problem and turn", async (_, environment, message) => {
    // Only what never settles is to run into the limit.
    const played = play({ environment, timeoutSeconds: message.source.includes("settled") ? 0.2 : 60 });
    await expect(played).rejects.toThrow(message);
    if (!message.source.includes("encoded")) await expect(played).rejects.toThrow(TrainingError);
  });

  test("that fails leaves no other episode open", async () => {
    let [begun, closed] = [0, 0];
    const begin: Environment["begin"] = () => {
      begun++;
      return { reply: () => (begun === 12 ? failing() : never()), close: () => void closed++ };
    };
    await expect(play({ environment: { name: "test", begin } })).rejects.toThrow("no such move");
    expect([begun, closed]).toEqual([12, 12]);
  });

  test("that keeps its player waiting is left when the run is stopped", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    await expect(play({ environment: environmentOf(never), signal: controller.signal })).rejects.toThrow(Interrupted);
  });
});
