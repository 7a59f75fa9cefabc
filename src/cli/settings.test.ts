// Options from files and --set, put onto defaults.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, didYouMean } from "../errors.js";
import { applySettings } from "./settings.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-settings-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const defaults = { compute: "f32", task: { numbers: { 3: 1 }, maxTarget: 60 }, pretrain: { steps: 10 } };
const file = (text: string): string => {
  const path = join(folder, `${Math.abs(text.length)}.json`);
  writeFileSync(path, text);
  return path;
};

describe("--set", () => {
  test("reads JSON where it is JSON, text where it is not, at any depth", () => {
    const set = [
      "pretrain.steps=5",
      "compute=bf16",
      "task.numbers.4=0.5",
      'task.list=["a",1]',
      "new.deep.key=true",
      "empty=",
    ];
    expect(applySettings(defaults, { set })).toEqual({
      compute: "bf16",
      pretrain: { steps: 5 },
      task: { numbers: { 3: 1, 4: 0.5 }, maxTarget: 60, list: ["a", 1] },
      new: { deep: { key: true } },
      empty: "",
    });
    expect(defaults.pretrain.steps).toBe(10);
  });
  test("refuses what is no key=value, and a key inside a value", () => {
    for (const setting of ["steps", "=5", "a..b=1", "__proto__.x=1"])
      expect(() => applySettings(defaults, { set: [setting] })).toThrow("expected key=value");
    expect(() => applySettings(defaults, { set: ["compute.x=1"] })).toThrow("compute is a value, not a section");
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe("the section of a verb", () => {
  test("may stand in front of its options, in --set and in the file", () => {
    const set = ["pretrain.steps=5", "seed=1"];
    expect(applySettings({}, { set }, "pretrain")).toEqual({ steps: 5, seed: 1 });
    expect(applySettings({}, { set }, "sft")).toEqual({ pretrain: { steps: 5 }, seed: 1 });
    const config = file('{"pretrain":{"steps":7,"warmupSteps":2},"compute":"f32"}');
    expect(applySettings({}, { config, set: ["pretrain.steps=5"] }, "pretrain")).toEqual({
      compute: "f32",
      steps: 5,
      warmupSteps: 2,
    });
    expect(() => applySettings({}, { config: file('{"pretrain":3}') }, "pretrain")).toThrow(
      'expected "pretrain" to be an object',
    );
  });
});

describe("--config", () => {
  test("is merged one level down, and --set wins over it", () => {
    const config = file('{"task":{"numbers":{"4":1}},"compute":"bf16"}');
    const merged = applySettings(defaults, { config, set: ["compute=f32"] });
    expect(merged).toEqual({ ...defaults, task: { numbers: { 4: 1 }, maxTarget: 60 } });
  });
  test("names the file that is missing, malformed or no object", () => {
    for (const config of [join(folder, "none.json"), file("{"), file("[1]")]) {
      expect(() => applySettings(defaults, { config })).toThrow(ConfigError);
      expect(() => applySettings(defaults, { config })).toThrow(config);
    }
  });
});

test("the nearest name is offered, and none when none is near", () => {
  const known = ["learningRate", "warmupSteps", "steps"];
  expect(didYouMean("lerningRate", known)).toBe(', did you mean "learningRate"?');
  expect(didYouMean("STEPS", known)).toBe(', did you mean "steps"?');
  expect(didYouMean("temperature", known)).toBe("");
  expect(didYouMean("x", [])).toBe("");
});
