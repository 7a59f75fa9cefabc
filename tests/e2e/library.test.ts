// The library as an application uses it: load, chat, converse, constrain, save. The model comes from a hub on this
// machine.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ChatPart, ConfigError, type LoadedModel, load, reinforce } from "../../src/index.js";
import { packageRoot } from "../../src/package-root.js";
import type { RewardSample } from "../../src/rl/index.js";
import { HubServer } from "../hub/hub-server.js";
import { temporaryFolder } from "./command.js";
import { teachModel } from "./taught-model.js";

vi.setConfig({ testTimeout: 240_000 });
const folder = temporaryFolder();
let hub: HubServer;
let model: LoadedModel;
const phases = new Set<string>();

/** The newest checkpoint of the taught run, as a repository. */
function repository(): Record<string, Buffer> {
  const checkpoints = join(folder.path, "model", "checkpoints");
  const newest = readdirSync(checkpoints).sort().at(-1) as string;
  const wanted = readdirSync(join(checkpoints, newest)).filter((name) =>
    /^(config|tokenizer|tokenizer_config|generation_config)\.json$|^model\.safetensors$/.test(name),
  );
  return Object.fromEntries(wanted.map((name) => [name, readFileSync(join(checkpoints, newest, name))]));
}

beforeAll(async () => {
  await teachModel(folder.path);
  hub = await HubServer.start({ "org/taught": { files: repository() } });
  vi.stubEnv("HF_ENDPOINT", hub.url);
  vi.stubEnv("HF_HOME", join(folder.path, "hf"));
  model = await load("org/taught", { onProgress: ({ phase }) => phases.add(phase) });
}, 240_000);

afterAll(async () => {
  await model?.dispose();
  await hub?.close();
  vi.unstubAllEnvs();
  folder.remove();
});

const greedy = { temperature: 0 } as const;

describe("load", () => {
  it("pulls a model by its name, tells its progress, and finds it again", async () => {
    expect([...phases]).toEqual(["pull", "read"]);
    const { sentBytes } = hub;
    const again = await load("org/taught", { context: 64 });
    expect(hub.sentBytes).toBe(sentBytes);
    expect(again.context).toBe(64);
    await again.dispose();
  });

  it("refuses what is no model in one clear line", async () => {
    await expect(load("")).rejects.toThrow(ConfigError);
    await expect(load(undefined as unknown as string)).rejects.toThrow("expected a path or the name of a model");
    await expect(load("org/absent")).rejects.toThrow(/org\/absent/);
  });
});

describe("chat", () => {
  it("gives thought and answer apart, as they come and as a whole", async () => {
    const parts: ChatPart[] = [];
    const reply = model.chat("What is 7*8?", greedy);
    for await (const part of reply) parts.push(part);
    const text = (wanted: string) =>
      parts
        .flatMap(({ part, text }) => (part === wanted ? [text] : []))
        .join("")
        .trim();
    expect(text("thought")).toBe("7*8 is 56 🔥.");
    expect(text("answer")).toBe("The answer is 56 🔥");
    const { thought, answer, figures } = await reply;
    expect({ thought, answer, finishReason: figures.finishReason }).toEqual({
      thought: "7*8 is 56 🔥.",
      answer: "The answer is 56 🔥",
      finishReason: "stop",
    });
    expect((await model.chat("What is 7*8?", greedy)).answer).toBe(answer);
  });

  it("takes a system prompt, and whole conversations as messages", async () => {
    expect((await model.chat("What is 7*8?", { ...greedy, system: "Be brief." })).answer).toBe("56");
    const first = [
      { role: "user", content: "What is 7*8?" },
      { role: "assistant", content: "7*8 is 56 🔥.\n</think>\n\nThe answer is 56 🔥" }, // as it was taught
    ];
    expect((await model.chat([...first, { role: "user", content: "Sing!" }], greedy)).answer).toBe("La la la 🎵");
    const brief = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "What is 7*8?" },
    ];
    expect((await model.chat(brief, greedy)).answer).toBe("56");
    expect(() => model.chat([])).toThrow(ConfigError);
    expect(() => model.chat(7 as unknown as string)).toThrow(ConfigError);
  });

  it("remembers in a conversation, which can be saved and resumed", async () => {
    const talk = model.conversation();
    await talk.ask("What is 7*8?", greedy);
    const resumed = model.conversation().resume(JSON.parse(JSON.stringify(talk.save())));
    expect((await resumed.ask("Sing!", greedy)).answer).toBe("La la la 🎵");
    expect(resumed.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
  });

  it("obeys a JSON schema in the answer alone", async () => {
    const schema = {
      type: "object",
      properties: { sum: { type: "integer", minimum: 0, maximum: 99 } },
      required: ["sum"],
      additionalProperties: false,
    };
    const { thought, answer } = await model.chat("What is 7*8?", { ...greedy, schema, maxTokens: 120 });
    expect(thought).toBe("7*8 is 56 🔥.");
    expect(JSON.parse(answer).sum).toBeTypeOf("number");
  });

  it("can be cancelled or left; a reply is read once", async () => {
    const reply = model.chat("What is 7*8?", greedy);
    for await (const _ of reply) break;
    await expect(reply).rejects.toThrow("stopped before its end");
    const stop = new AbortController();
    stop.abort();
    expect((await model.chat("What is 7*8?", { ...greedy, signal: stop.signal })).figures.finishReason).toBe(
      "cancelled",
    );
    expect((await model.chat("What is 7*8?", greedy)).answer).toBe("The answer is 56 🔥");
  });
});

it("in a thread of its own the model says the same, and frees that thread when it is disposed", async () => {
  const apart = await load("org/taught", { thread: true });
  expect(apart.context).toBe(model.context);
  const parts: ChatPart[] = [];
  for await (const part of apart.chat("What is 7*8?", greedy)) parts.push(part);
  const expected: ChatPart[] = [];
  for await (const part of model.chat("What is 7*8?", greedy)) expected.push(part);
  expect(parts).toEqual(expected);
  const schema = { type: "object", properties: { sum: { type: "integer" } }, required: ["sum"] };
  const replies = await Promise.all(
    [apart, model].map((each) => each.chat("Sing!", { schema, seed: 3, maxTokens: 60 })),
  );
  expect(replies[0].answer).toBe(replies[1].answer);
  await apart.dispose();
  await expect(apart.chat("What is 7*8?", greedy)).rejects.toThrow(/closed/);
});

it("save writes a GGUF file or a directory, which answer alike", async () => {
  for (const [name, type] of [
    ["saved.gguf", "f16"],
    ["saved", "f32"],
  ] as const) {
    const to = join(folder.path, name);
    await model.save(to, { type });
    expect(existsSync(to)).toBe(true);
    expect(statSync(to).isDirectory()).toBe(name === "saved");
    const saved = await load(to);
    expect((await saved.chat("What is 7*8?", greedy)).answer).toBe("The answer is 56 🔥");
    await saved.dispose();
    await expect(model.save(to)).rejects.toThrow("already exists");
  }
});

describe("reinforce", () => {
  const data = () => join(packageRoot(), "examples", "own-task.jsonl");
  const options = {
    rl: { steps: 2, numPrompts: 2, numGenerations: 2, maxCompletionLength: 12 },
    evaluation: { problems: 2, samplesPerProblem: 1, quickProblems: 1 },
  };
  const seen: unknown[] = [];
  function inUnits({ completion, columns }: RewardSample): number {
    seen.push(columns.unit);
    return completion.trimEnd().endsWith(String(columns.unit)) ? 1 : completion.length / 100;
  }

  it("takes a model of the hub, a data set and own rewards, and leaves a run that can be talked to", async () => {
    const out = join(folder.path, "reinforced");
    const summary = await reinforce({
      model: "org/taught",
      data: data(),
      rewards: ["accuracy:0.5", inUnits],
      out,
      options,
      quiet: true,
    });
    expect(summary).toMatchObject({ runDir: out, rlSteps: 2 });
    expect(seen.every((unit) => typeof unit === "string")).toBe(true);
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8")).options.source.rewards).toEqual([
      "accuracy:0.5",
      "inUnits",
    ]);
    expect(readFileSync(join(out, "metrics.jsonl"), "utf8")).toContain('"rewards/inUnits/mean"');
    expect(existsSync(join(out, "report.html"))).toBe(true);
    const tuned = await load(out);
    expect((await tuned.chat("What is 7*8?", { maxTokens: 4 })).figures.numTokens).toBeGreaterThan(0);
    await tuned.dispose();
  });

  it("refuses what cannot be meant, by name", async () => {
    const request = { model: "org/taught", data: data(), quiet: true };
    await expect(reinforce({ ...request, rewards: ["acuracy"] })).rejects.toThrow(
      /expected accuracy.*did you mean "accuracy"/,
    );
    await expect(reinforce({ ...request, options: { rl: { stepz: 1 } as object } })).rejects.toThrow(
      'did you mean "steps"?',
    );
    await expect(reinforce({ ...request, resume: true })).rejects.toThrow("set `out` to its directory");
  });
});
