// Claims about an evaluation of several parts: each sample is that of its part alone, whatever is sampled beside it or
// was kept before, and only what was generated to its end counts.
import { expect, test } from "vitest";
import type { Problem, Task } from "../tasks/task.js";
import { countSamples } from "./evaluate.js";
import { inOrder, type KeptSample, runEvaluation, type Sampler } from "./evaluation-run.js";
import type { Trajectory } from "./trajectory.js";

const problemOf = (id: string): Problem => ({
  ...{ id, split: "heldout", fields: {}, answer: "7", difficulty: 0, meta: {} },
});
const task: Task = {
  name: "digits",
  generate: (_, index) => problemOf(`${index}`),
  verify: () => 0,
  // Graded by what takes its time, in an order of its own.
  grade: async (_, answer) => {
    await new Promise((resolve) => setTimeout(resolve, Number(answer) % 3));
    return { score: answer === "7" ? 1 : 0, decidedBy: "digit" };
  },
  renderPrompt: ({ id }) => id,
  validate: () => ({ task: "digits", numTrain: 0, numHeldOut: 0, numDistinct: 0, meanDifficulty: 0 }),
};
const partOf = (name: string, count: number, samplesPerProblem: number) => ({
  ...{ name, task, samplesPerProblem },
  problems: Array.from({ length: count }, (_, i) => problemOf(`${name} ${i}`)),
});
const PARTS = [partOf("one", 5, 4), partOf("two", 3, 2)];

/** A digit that problem and seed decide. Samples end in an order of their own; the signal cuts off those after. */
const sampler: Sampler = async (missing, take) => {
  const late = [...missing].sort((a, b) => (a.seed < b.seed ? 1 : -1));
  await Promise.all(
    late.map((each) => {
      const sum = [...`${each.seed}${each.problem.id}`].reduce((total, sign) => total + sign.charCodeAt(0), 0);
      const answer = `${sum % 10}`;
      const response = { text: answer, think: null, reply: answer, answer, wellFormed: true, tags: [] };
      const [ids, logProbs] = [new Int32Array(1 + (sum % 4)), new Float32Array(1)];
      return take(each, {
        ...{ problem: each.problem, prompt: "", promptIds: ids, completionIds: ids, completion: answer, response },
        ...{ numThinking: 0, logProbs, finishReason: "stop" },
      } as Trajectory);
    }),
  );
};

async function evaluated(parts = PARTS, done: readonly KeptSample[] = [], stopAfter = Number.POSITIVE_INFINITY) {
  const stop = new AbortController();
  const kept: KeptSample[] = [];
  const samples = await runEvaluation(sampler, parts, {
    ...{ done, seed: 3, signal: stop.signal },
    onSample(sample) {
      kept.push(sample);
      if (kept.length === stopAfter) stop.abort();
    },
  });
  return { samples, kept };
}

test("each problem has its samples in order, with the grades they got", async () => {
  const { samples, kept } = await evaluated();
  expect(kept).toHaveLength(5 * 4 + 3 * 2);
  expect(samples.map((part) => part.map(({ responses }) => responses.length))).toEqual([
    [4, 4, 4, 4, 4],
    [2, 2, 2],
  ]);
  for (const { responses } of samples.flat())
    responses.forEach(({ sample, answer, score, decidedBy }, i) => {
      expect([sample, score, decidedBy]).toEqual([i, answer === "7" ? 1 : 0, "digit"]);
    });
  expect(countSamples(task, samples[0]).pass1).toBeGreaterThan(0);
});

test("a part comes to the same alone and beside others", async () => {
  const [{ samples: together }, { samples: alone }] = [await evaluated(), await evaluated([PARTS[1]])];
  expect(alone[0]).toEqual(together[1]);
});

test.each([1, 7, 25])(
  "stopped after %i samples it goes on with those that are missing, to the same bytes",
  async (stopAfter) => {
    const whole = await evaluated();
    const cut = await evaluated(PARTS, [], stopAfter);
    expect(cut.kept).toHaveLength(stopAfter); // what ended after the signal does not count
    const resumed = await evaluated(PARTS, cut.kept);
    expect(resumed.kept).toHaveLength(26 - stopAfter);
    expect(resumed.samples).toEqual(whole.samples);
    const bytes = (samples: readonly KeptSample[]) => JSON.stringify(inOrder(samples, PARTS));
    expect(bytes([...cut.kept, ...resumed.kept])).toBe(bytes(whole.kept));
  },
);

test("samples of another problem are refused", async () => {
  const { kept } = await evaluated();
  const other = [{ ...PARTS[0], problems: PARTS[0].problems.map(({ id }) => problemOf(`${id}!`)) }];
  await expect(evaluated(other, kept)).rejects.toThrow(
    /problem \d of one was "one \d" when it was sampled and is "one \d!"/,
  );
});
