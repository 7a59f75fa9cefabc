// Progress: in place on a terminal, few plain lines elsewhere, and stdout left alone for JSON.
import { describe, expect, test } from "vitest";
import { brailleChart } from "./braille-chart.js";
import { Progress } from "./progress.js";
import type { ProgressOptions } from "./progress-screen.js";
import { replay } from "./terminal.fixture.js";

function setUp(options: ProgressOptions & { isTTY?: boolean; columns?: number }) {
  let clockMs = 0;
  const writes: string[] = [];
  const stream = { write: (text: string) => writes.push(text), isTTY: options.isTTY, columns: options.columns };
  const progress = new Progress({ env: {}, ...options, stream, now: () => clockMs });
  return {
    progress,
    text: () => writes.join(""),
    screen: () => replay(writes.join("")),
    wait: (ms: number) => (clockMs += ms),
  };
}

describe("on a terminal", () => {
  test("redraws in place and leaves one line per stage", () => {
    const { progress, text, screen, wait } = setUp({ isTTY: true, columns: 100 });
    progress.stage("reinforce", 40);
    for (let step = 1; step <= 20; step++) {
      wait(2000);
      progress.update(step, { reward: step / 20, "rewards/accuracy_reward/mean": 0.5 });
    }
    expect(screen()[0]).toMatch(/^● reinforce {2}━{24} 20\/40 {2}2 s\/step {2}40 s left$/);
    expect(screen()[1]).toBe("  reward 1.000  accuracy 50.0%");
    expect(screen()).toHaveLength(7);
    progress.note("checkpoint saved");
    expect(screen()[0]).toBe("checkpoint saved");
    progress.endStage();
    expect(screen()).toEqual(["checkpoint saved", "✓ reinforce  20 steps in 40 s  reward 1.000  accuracy 50.0%"]);
    expect(text().lastIndexOf("\x1b[?25h")).toBeGreaterThan(text().lastIndexOf("\x1b[?25l"));
  });

  test("never writes a line wider than the terminal", () => {
    const { progress, screen, wait } = setUp({ isTTY: true, columns: 44 });
    progress.stage("pretrain with a long name", 100_000);
    for (let step = 1; step < 5; step++) {
      wait(500);
      progress.update(step, { loss: 3 / step, val_loss: 2.123456, tokens_per_second: 123456.7, mfu: 0.4 });
    }
    for (const line of screen()) expect([...line].length).toBeLessThan(44);
  });

  test("draws no more than ten times a second, and close() leaves nothing behind", () => {
    const { progress, text, screen, wait } = setUp({ isTTY: true });
    progress.stage("pretrain", 1000);
    for (let step = 1; step <= 1000; step++) {
      wait(1);
      progress.update(step);
    }
    expect(text().split("\x1b[?25l").length - 1).toBeLessThanOrEqual(11);
    progress.close();
    progress.close();
    expect(screen()).toEqual([]);
  });
});

describe("elsewhere", () => {
  test("prints a plain line every ten seconds at most", () => {
    const { progress, text, wait } = setUp({ isTTY: false });
    progress.stage("pretrain", 100);
    for (let step = 1; step <= 100; step++) {
      wait(350);
      progress.update(step, { loss: 1 });
    }
    progress.endStage();
    const lines = text().trimEnd().split("\n");
    expect(lines).toEqual([
      "pretrain: 100 steps",
      "pretrain 29/100  2.9 steps/s  25 s left  loss 1.0000",
      "pretrain 58/100  2.9 steps/s  15 s left  loss 1.0000",
      "pretrain 87/100  2.9 steps/s  5 s left  loss 1.0000",
      "✓ pretrain  100 steps in 35 s  loss 1.0000",
    ]);
  });

  test("a terminal under CI counts as none, and silent says nothing", () => {
    const underCi = setUp({ isTTY: true, env: { CI: "true" } });
    underCi.progress.stage("rl", 2);
    underCi.progress.endStage();
    expect(underCi.text()).not.toContain("\x1b");
    const silent = setUp({ mode: "silent" });
    silent.progress.stage("rl", 2);
    silent.progress.note("hello");
    silent.progress.close();
    expect(silent.text()).toBe("");
  });

  test("with --json everything goes to stderr", () => {
    const written: string[] = [];
    const original = { stdout: process.stdout.write, stderr: process.stderr.write };
    process.stdout.write = (() => written.push("stdout")) as never;
    process.stderr.write = (() => written.push("stderr")) as never;
    try {
      const progress = new Progress({ json: true, mode: "plain" });
      progress.stage("rl", 1);
      progress.note("x");
      progress.endStage();
    } finally {
      Object.assign(process.stdout, { write: original.stdout });
      Object.assign(process.stderr, { write: original.stderr });
    }
    expect(written).toEqual(["stderr", "stderr", "stderr"]);
  });
});

describe("a Braille chart", () => {
  test("rises where the values rise, from corner to corner", () => {
    expect(brailleChart([0, 1, 2, 3], 2, 1)).toEqual(["⡠⠊"]);
    const rising = brailleChart(
      Array.from({ length: 100 }, (_, index) => index),
      10,
      3,
    );
    expect(rising[0].trimEnd().at(-1)).not.toBe("⠀");
    expect(rising[2][0]).not.toBe("⠀");
    expect(rising[0][0]).toBe("⠀");
  });

  test("copes with nothing, one value, equal values and values that are not finite", () => {
    expect(brailleChart([], 3, 1)).toEqual(["⠀⠀⠀"]);
    expect(brailleChart([Number.NaN], 2, 1)).toEqual(["⠀⠀"]);
    expect(brailleChart([5], 2, 1)[0]).toHaveLength(2);
    expect(brailleChart([1, 1, 1], 2, 1)).toEqual(brailleChart([5], 2, 1));
  });
});
