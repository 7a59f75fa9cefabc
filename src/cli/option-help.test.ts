// Claims about `luciole help <verb> options`: it prints what --set takes, for the verbs that have it.
import { afterEach, expect, it, vi } from "vitest";
import { ConfigError } from "../errors.js";
import { printOptions } from "./option-help.js";

afterEach(() => vi.restoreAllMocks());

function printed(verb: string): string {
  let text = "";
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  printOptions(verb, "options");
  return text;
}

it.each([
  ["zero", "rl.numGenerations  (whole number ≥ 2; default 16)"],
  ["pretrain", "pretrain.learningRate  (number > 0; default 0.001)"],
  ["sft", "sft.epochs  (number > 0; default 1)"],
  ["rl", "rewards.repetition_penalty.ngramSize  (whole number ≥ 1; default 3)"],
  ["rl", "task.answerColumn"],
  ["eval", "task.maxNumber"],
])("%s: %s", (verb, line) => {
  expect(printed(verb)).toContain(line);
});

it("refuses verbs without options and other topics", () => {
  expect(() => printOptions("run", "options")).toThrow(ConfigError);
  expect(() => printOptions("rl", "option")).toThrow('did you mean "options"?');
});
