// Mixes of models by the command line: made, asked, evaluated, and the recipe that compares one with a larger model.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { load } from "../../src/index.js";
import { openEngine } from "../../src/inference/index.js";
import { openMix } from "../../src/mix/index.js";
import { start, succeed, temporaryFolder } from "./command.js";
import { inProcess } from "./in-process.js";
import { makeSmallModel, pretrain } from "./small-runs.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
vi.setConfig({ testTimeout: 240_000 });
beforeAll(async () => {
  await makeSmallModel(folder.path);
  await succeed(pretrain(at("book.txt"), at("other"), { steps: 2, "model.hidden_size": 48 }));
}, 120_000);
afterAll(() => folder.remove());

const jsonOf = async (...args: string[]) => {
  const { code, stdout, stderr } = await inProcess([...args, "--json"]);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout);
};

describe("a mix of one's own", () => {
  beforeAll(async () => {
    await jsonOf("mix", "make", at("model"), `wide=${at("other")}`, "--set", "samples=4", "--out", at("team"));
  }, 60_000);

  test("is written with paths relative to it and its policy complete", () => {
    expect(JSON.parse(readFileSync(at("team/mix.json"), "utf8"))).toEqual({
      members: [{ model: "../model" }, { name: "wide", model: "../other" }],
      policy: { kind: "vote", samples: 4, round: null },
    });
  });

  test("is planned with the bytes of each member, and the program counted once", async () => {
    const made = await jsonOf("mix", "make", at("model"), `wide=${at("other")}`, "--out", at("again"));
    const [one, two] = made.members.map(({ bytes }: { bytes: number }) => bytes);
    expect(made.plannedBytes).toBe(one + two - 120 * 2 ** 20);
  });

  test("answers where a model does, and tells what each member did", async () => {
    const reply = await jsonOf("run", at("team"), "line 3", "--max-tokens", "8");
    expect(reply.members.map(({ member }: { member: string }) => member)).toEqual(["model", "wide"]);
    for (const { completions, tokens } of reply.members) expect(tokens).toBeGreaterThanOrEqual(completions);
    expect(reply.numTokens).toBeLessThanOrEqual(8);
    expect(await jsonOf("run", at("team/mix.json"), "line 3", "--max-tokens", "8")).toMatchObject({
      answer: reply.answer,
    });
  });

  test("is loaded by the library as a model is", async () => {
    await using team = await load(at("team"));
    const { figures } = await team.chat("line 3", { maxTokens: 6 });
    expect(figures.members?.map(({ member }) => member)).toEqual(["model", "wide"]);
  });

  test("reads a prompt once for all samples of a member", async () => {
    await jsonOf("mix", "make", at("model"), "--set", "samples=4", "--set", "round=4", "--out", at("alone"));
    const reply = await jsonOf("run", at("alone"), "x".repeat(70), "--max-tokens", "4");
    const [{ completions, promptTokens, cachedTokens }] = reply.members;
    expect([completions, cachedTokens]).toEqual([4, 3 * 64]);
    expect(promptTokens).toBeGreaterThanOrEqual(4 * 70);
  });

  test("is refused with each member's bytes where they do not fit together, before any weight is read", async () => {
    const mix = openMix(at("team"), { available: 100 * 2 ** 20, onProgress: () => expect.unreachable() });
    await expect(mix).rejects.toThrow(
      /^not enough memory: the members of .*mix\.json need about 12\d MiB together, but only 100 MiB is free \(model 12/,
    );
  });

  test("knows the hidden state of a prompt, the same in a thread of its own", async () => {
    const states = await Promise.all(
      [false, true].map(async (thread) => {
        const { engine, config, dispose } = await openEngine(at("other"), { thread });
        const state = await engine.promptState([65, 66, 67]);
        expect(state).toHaveLength(config.hidden_size);
        await expect(engine.promptState([])).rejects.toThrow(/a prompt needs at least one token/);
        await dispose();
        return state;
      }),
    );
    expect(states[1]).toEqual(states[0]);
    expect(states[0].some((value) => value !== 0)).toBe(true);
  });

  test("is evaluated, to the same samples each time, and goes on where it stopped", async () => {
    const args = [
      "eval",
      at("team"),
      "--data",
      at("task.jsonl"),
      "--problems",
      "3",
      "--samples",
      "2",
      "--set",
      "heldOutFraction=1",
    ];
    const whole = await jsonOf(...args, "--max-tokens", "6", "--template", "plain", "--out", at("whole"));
    expect(whole.members).toHaveLength(2);
    expect(whole.tokensPerAnswer).toBeGreaterThan(0);
    const kept = readFileSync(at("whole/sampled.jsonl"), "utf8");
    rmSync(at("whole/summary.json"), { force: true });
    writeFileSync(at("whole/sampled.jsonl"), `${kept.split("\n")[0]}\n`);
    await jsonOf("eval", at("team"), "--resume", at("whole"));
    expect(readFileSync(at("whole/sampled.jsonl"), "utf8")).toBe(kept);
  });

  test.each([
    [
      ["run", at("team"), "hi", "--adapter", at("model")],
      /is a mix of models: name the adapter of a member in its file/,
    ],
    [["mix", "fit", at("team"), "--task", "arithmetic"], /policy vote has nothing to fit; only cascade and route have/],
    [["mix", "fit", at("team")], /name what to fit on: --task or --data/],
    [["mix", "fit", at("model"), "--task", "arithmetic"], /expected a folder with mix.json, or the file/],
    [["mix", "make", at("model"), "--out", at("team")], /mix.json is there already; choose another --out, or edit it/],
    [["mix", "make", at("nothing"), "--out", at("new")], /nothing: no such directory/],
    [
      ["mix", "make", at("model"), "--set", "sample=2", "--out", at("new")],
      /unknown option "sample", did you mean "sampl/,
    ],
    [
      ["eval", at("team"), "--environment", "calculator", "--task", "arithmetic", "--problems", "1"],
      /a mix of models answers in one turn; leave out --environment/,
    ],
  ])("%j is refused in one line", async (args, message) => {
    const { code, stderr } = await inProcess(args);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain("\n");
    expect(existsSync(at("new/mix.json"))).toBe(false);
  });
});

describe("the recipe", () => {
  let first: string;
  beforeAll(async () => {
    first = (await succeed(["mix", "--preset", "smoke", "--seed", "1", "--out", at("recipe"), "--json"])).stdout;
  }, 240_000);

  test("compares the mix with the larger model on the same problems", () => {
    const { models, measurements, claims } = JSON.parse(first);
    expect(models.map(({ name }: { name: string }) => name)).toEqual(["sums", "knights", "larger"]);
    expect(measurements.map(({ name }: { name: string }) => name)).toEqual([
      ...["larger", "mix", "largerVotes", "mixVotes", "cascade"],
    ]);
    expect(claims).toHaveLength(8);
    for (const { answers, byTask } of measurements) {
      expect(answers).toBe(measurements[0].answers);
      expect(Object.keys(byTask)).toEqual(["arithmetic", "knights-and-knaves"]);
    }
    const [specialists, larger] = [models.slice(0, 2), models[2]];
    expect(larger.params).toBeGreaterThan(specialists[0].params + specialists[1].params);
    expect(readFileSync(at("recipe/report.html"), "utf8")).toContain("<svg");
  });

  test("goes on: what is measured again gives the same figures, and nothing is trained twice", async () => {
    const file = at("recipe/measurements/cascade.json");
    const before = JSON.parse(readFileSync(file, "utf8"));
    rmSync(file);
    rmSync(at("recipe/summary.json"));
    const { stdout } = await succeed(["mix", "--resume", at("recipe"), "--json"]);
    const { scores, tokensPerAnswer } = JSON.parse(readFileSync(file, "utf8"));
    expect({ scores, tokensPerAnswer }).toEqual({ scores: before.scores, tokensPerAnswer: before.tokensPerAnswer });
    const trained = (text: string) =>
      JSON.parse(text).models.map(({ cpuSeconds, ...rest }: Record<string, unknown>) => rest);
    expect(trained(stdout)).toEqual(trained(first));
  });

  test("stopped while it trains a model, it says that this is saved", async () => {
    const command = start(["mix", "--preset", "smoke", "--seed", "2", "--out", at("stopped"), "--json"]);
    await command.saying("pretrain: ");
    await command.saying("loss");
    command.child.kill("SIGINT");
    const { code, stderr } = await command.ended;
    expect([code, stderr]).toEqual([130, expect.stringMatching(/Stopped and saved\. Resume with: .*mix --resume/)]);
  });

  test("is reported, alone and as the mean over seeds", async () => {
    const page = readFileSync(at("recipe/report.html"), "utf8");
    rmSync(at("recipe/report.html"));
    await jsonOf("report", at("recipe"));
    expect(readFileSync(at("recipe/report.html"), "utf8")).toBe(page);
    const summary = JSON.parse(readFileSync(at("recipe/summary.json"), "utf8"));
    const claims = summary.claims.map((claim: object) => ({ ...claim, value: 2, holds: true }));
    const other = { ...summary, seed: 2, claims: claims.with(0, { ...claims[0], value: 4, holds: false }) };
    mkdirSync(at("recipe2"));
    writeFileSync(at("recipe2/config.json"), readFileSync(at("recipe/config.json")));
    writeFileSync(at("recipe2/summary.json"), JSON.stringify(other));
    await jsonOf("report", at("recipe2"), at("recipe2"), "--out", at("seeds.html"));
    expect(readFileSync(at("seeds.html"), "utf8")).toContain("<td>4.000 ± 0.000</td><td>0 of 2 seeds</td>");
    await jsonOf("report", at("recipe"), at("recipe2"), "--out", at("seeds.html"));
    const both = readFileSync(at("seeds.html"), "utf8");
    const first = summary.claims[0].value;
    expect(both).toContain(`<td>${((first + 4) / 2).toFixed(3)} ± ${((4 - first) / 2).toFixed(3)}</td>`);
    rmSync(at("recipe2/summary.json"));
    const { code, stderr } = await inProcess(["report", at("recipe2")]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/is not finished; go on with: .* mix --resume/)]);
  });

  test("leaves a folder that is a mix", async () => {
    const reply = await jsonOf("run", at("recipe"), "Compute 3+4.", "--max-tokens", "20");
    expect(reply.members.length).toBeGreaterThan(0);
  });
});
