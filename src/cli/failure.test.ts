// What a failed command says and exits with.
import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { CheckpointError, ConfigError, TrainingError } from "../errors.js";
import { reportFailure, StoppedBySignal } from "./failure.js";

function report(error: unknown, debug = false): { code: number; text: string } {
  let text = "";
  const code = reportFailure(error, { debug }, (piece) => {
    text += piece;
  });
  return { code, text };
}

test("wrong usage exits with 2, failed work with 1, each in one line", () => {
  expect(report(new ConfigError("no such task"))).toEqual({ code: 2, text: "error: no such task\n" });
  expect(report(new CheckpointError("line one\n  line two"))).toEqual({ code: 1, text: "error: line one line two\n" });
  expect(report(new TrainingError("the loss is NaN")).code).toBe(1);
  expect(report("text").text).toContain("error: text");
});
test("a system's error is told as it is, an unexpected one asks to be reported", () => {
  expect(report(Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" })).text).toBe(
    "error: EACCES: permission denied\n",
  );
  expect(report(new TypeError("x is not a function")).text).toContain("run again with --debug");
});
test("the stack is shown only with --debug, the cause's too", () => {
  const error = new ConfigError("no", { cause: new Error("deep") });
  expect(report(error).text.split("\n")).toHaveLength(2);
  expect(report(error, true).text).toMatch(/failure\.test[\s\S]*caused by Error: deep/);
});
test("a stop on request exits with its signal's code, help with 0, a bad flag with 2", () => {
  expect(report(new StoppedBySignal("go on with …", 130))).toEqual({ code: 130, text: "go on with …\n" });
  expect(report(new CommanderError(0, "commander.helpDisplayed", "")).code).toBe(0);
  expect(report(new CommanderError(1, "commander.unknownOption", ""))).toEqual({ code: 2, text: "" });
});
test("what an error quotes of others' texts cannot steer the terminal", () => {
  const evil = "tensor \x1b]0;owned\x07\u009b31m\rx\x1b[2J";
  for (const error of [
    new CheckpointError(evil),
    new TypeError(evil),
    evil,
    new ConfigError("x", { cause: new Error(evil) }),
  ]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(report(error, true).text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  }
  expect(report(new CheckpointError(evil)).text).toBe("error: tensor ]0;owned31m x[2J\n");
});
