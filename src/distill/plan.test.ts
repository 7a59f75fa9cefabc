// Claims about the plan of a distillation: whoever is open at the same time is counted together, and problems that have
// no teacher or leave no room are told before anything is sampled.
import { beforeAll, describe, expect, test } from "vitest";
import { openBackend } from "../backends/open.js";
import type { ModelFacts } from "../inference/opening/open-model.js";
import { parseHfConfig } from "../models/hf-config.js";
import { MODEL_PRESETS } from "../models/presets.js";
import { createArithmeticTask } from "../tasks/arithmetic.js";
import type { Task } from "../tasks/task.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { distillOptions } from "./options.js";
import { type PlannedDistillation, planDistillation } from "./plan.js";

const tokenizer = createCharTokenizer("0123456789+-*/=:; \nQA");
const shape = { intermediate_size: 48, max_position_embeddings: 64, vocab_size: tokenizer.vocabSize };
const configOf = (width: number) =>
  parseHfConfig({ ...MODEL_PRESETS["llama-tiny"], ...shape, hidden_size: width, num_hidden_layers: 2 });
const factsOf = (width: number) =>
  ({
    config: configOf(width),
    tokenizer,
    compute: "f32",
    isTrainedHere: true,
    generation: {},
  }) as unknown as ModelFacts;
const task = createArithmeticTask({ maxDigits: 1 }) as unknown as Task;

beforeAll(async () => setDefaultDevice(new Device(await openBackend())));

function planned(given: object, teachers = [{ domain: null as string | null, width: 64 }]): PlannedDistillation {
  const student = { ...factsOf(32), template: "compact" as const, stopIds: [], directory: null };
  return {
    ...{ student, task, isEvaluated: true, maxCompletionLength: 16, seed: 0 },
    teachers: teachers.map(({ domain, width }) => ({ domain, path: "", facts: factsOf(width) })),
    model: { config: student.config, compute: "f32" },
    options: distillOptions({ template: "compact", ...given }),
  };
}
const plan = async (given: object, teachers?: { domain: string | null; width: number }[]) =>
  (await planDistillation(planned(given, teachers))).map((stage) =>
    Object.fromEntries(stage.map((phase) => [phase.name, phase])),
  );

describe("a plan", () => {
  test("counts the teacher beside the student that waits, and then the student alone", async () => {
    const [answers, training, evaluation] = await plan({ method: "sequence" });
    const [asked] = (await plan({ method: "logits" })).slice(1);
    const student = training.training.weights;
    expect(evaluation.evaluation.weights).toBe(student);
    const { weights, peak } = answers.teacher;
    const alone = (await plan({ method: "sequence" }, [{ domain: null, width: 32 }]))[0].teacher;
    expect(alone.weights).toBe(2 * student);
    expect(weights).toBeGreaterThan(alone.weights);
    expect(asked.teacher.weights).toBe(weights);
    expect(peak).toBeGreaterThan(weights);
  });

  test("counts all teachers, one of whom works, and the student's moments beside them where it samples", async () => {
    const two = [
      { domain: "arithmetic", width: 64 },
      { domain: null, width: 32 },
    ];
    const [[one], [both]] = [await plan({ method: "on-policy" }), await plan({ method: "on-policy" }, two)];
    const student = (await plan({ method: "sequence" }))[1].training;
    expect(both.updates.weights - one.updates.weights).toBe(student.weights);
    expect(both.updates.moments).toBe(student.moments);
    const teachers = both.updates.weights - student.weights;
    expect(both.teacher.weights).toBe(teachers + student.weights + student.moments);
    expect(both.rollouts.weights).toBe(both.updates.weights);
  });

  test("tells a problem without a teacher, and one that leaves no room", async () => {
    await expect(plan({}, [{ domain: "poems", width: 32 }])).rejects.toThrow(
      'no teacher for "arithmetic", only for poems',
    );
    await expect(planDistillation({ ...planned({}), maxCompletionLength: 60 })).rejects.toThrow(
      /set sampling\.maxCompletionLength=\d+ or less/,
    );
  });
});
