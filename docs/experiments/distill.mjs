// The experiment of docs/distil.md: is a small student better distilled or reinforced? Given a finished run of
// `luciole r1`, students of two kinds are pretrained on the same world, and each base goes these ways:
//   sequence         fine-tuned on the teacher's right answers; the CPU time of that is the budget of the others
//   reinforced       GRPO for at least the same CPU time
//   both             fine-tuned as above, then GRPO with a lower rate for about the same CPU time again
//   on-policy, half  judged by the teacher token by token, for at most half of the CPU time
//   on-policy        the same for at most all of it
// Learning rates of all ways decay to a tenth: how many steps a budget holds is found by two short runs. Each model is
// measured on the same held-out problems, outside of its budget. What is done is kept in results.json and not done
// again, so the experiment may be stopped at any time and made piece by piece.
// Usage, in a clone that is built:
//   node docs/experiments/distill.mjs runs/r1 [--out runs/distill-experiment] [--seeds 1,2,3]
//     [--students dense,experts] [--preset full|smoke]
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  createTask,
  distill,
  evaluatePolicy,
  Interrupted,
  openMachine,
  openModel,
  Progress,
  readModelFacts,
  readRunConfig,
  reinforce,
  TrainingError,
} from "luciole";
import { STUDENT_SHAPES } from "../../dist/recipes/r1/options.js";
import { pretrainStudent } from "../../dist/recipes/r1/student-base.js";

const PRESETS = {
  full: {
    pretrain: { steps: 1200, batchSequences: 64 },
    sampling: { problems: 6144, samplesPerProblem: 4 },
    train: { epochs: 3, batchSequences: 32, learningRate: 1e-3 },
    onPolicy: { numPrompts: 32, numGenerations: 4, learningRate: 5e-4 },
    rl: { numPrompts: 32, numGenerations: 16, learningRate: 3e-4 },
    // What was taught is forgotten at 3e-4: a student fell from 37.4 to 34.4 %. At 1e-4 it rose to 39.4 %.
    further: { learningRate: 1e-4 },
    probe: [4, 12],
    evaluation: { problems: 300, samplesPerProblem: 4 },
  },
  // A few minutes, to see that everything runs; its figures mean nothing.
  smoke: {
    pretrain: { steps: 300, batchSequences: 32 },
    sampling: { problems: 256, samplesPerProblem: 2 },
    train: { epochs: 1, batchSequences: 8, learningRate: 1e-3 },
    onPolicy: { numPrompts: 4, numGenerations: 2, learningRate: 5e-4 },
    rl: { numPrompts: 8, numGenerations: 8, learningRate: 3e-4 },
    further: { learningRate: 1e-4 },
    probe: [2, 5],
    evaluation: { problems: 16, samplesPerProblem: 2 },
  },
};

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "runs/distill-experiment" },
    seeds: { type: "string", default: "1" },
    students: { type: "string", default: Object.keys(STUDENT_SHAPES).join(",") },
    preset: { type: "string", default: "full" },
  },
});
const [teacher] = positionals;
const sizes = PRESETS[flags.preset];
const [kinds, seeds] = [flags.students.split(","), flags.seeds.split(",").map(Number)];
if (teacher === undefined || sizes === undefined || kinds.some((kind) => STUDENT_SHAPES[kind] === undefined))
  throw new Error(
    "usage: node docs/experiments/distill.mjs <run of luciole r1> [--out …] [--seeds 1,2] [--students dense,experts] " +
      "[--preset full|smoke]",
  );

const machine = await openMachine({ name: "native" });
const { options: world, seed: worldSeed } = readRunConfig(teacher);
const facts = await readModelFacts(teacher);
const { task: taskName, task_options: taskOptions, max_new_tokens: maxNewTokens } = facts.generation;
const task = createTask(taskName, taskOptions);
/** More steps, or seconds, than any run has. */
const NEVER = 1_000_000;
/** Reinforcement is given more than its budget, since its steps may become shorter. */
const MARGIN = 1.15;
/** The runs' own evaluations cost as little as may be: everything is measured below. */
const unmeasured = { problems: 1, samplesPerProblem: 1, quickProblems: 1, everySteps: NEVER };

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const tell = (line) => process.stderr.write(`${line}\n`);

/** Runs `body`, which is given a signal that fires after so many seconds of CPU time; gives those that it took. */
async function timed(body, limit = Number.POSITIVE_INFINITY) {
  const controller = new AbortController();
  const before = cpuSeconds();
  const timer = setInterval(() => cpuSeconds() - before >= limit && controller.abort(), 100);
  try {
    await body(controller.signal);
  } catch (error) {
    // A student that has nothing to learn from stays as it is.
    if (error instanceof TrainingError) tell(error.message);
    else if (!(error instanceof Interrupted)) throw error;
  } finally {
    clearInterval(timer);
  }
  return cpuSeconds() - before;
}

/** Pretrains a student on the world's documents, as the teacher was. */
const pretrain = (name, seed, path) =>
  pretrainStudent(
    {
      ...{ path, machine, resumes: false, acceptChanges: false, notice: tell },
      ...{ progress: new Progress({ mode: "silent" }), signal: new AbortController().signal },
    },
    {
      ...{ name, worldSeed, seed },
      ...{ tokenizer: facts.tokenizer, generation: facts.generation },
      options: {
        ...world,
        pretrain: { ...world.pretrain, batchSequences: sizes.pretrain.batchSequences },
        students: { ...world.students, pretrainSteps: sizes.pretrain.steps },
      },
    },
  );

/** Held-out accuracy of a model, in percent, with its size. */
async function measure(path) {
  const { model, tokenizer, stopIds } = await openModel(path);
  const policy = { model, tokenizer, stopIds, template: facts.generation.prompt_template };
  const { temperature, topP } = world.evaluation;
  const sampling = { maxNewTokens, temperature, topP, maxSequences: 256, seed: worldSeed };
  const { evaluation } = await evaluatePolicy(policy, task, { ...sizes.evaluation, ...sampling });
  const active = Math.round(model.numActiveParameters);
  model.dispose();
  const { pass1, formatRate, stderr } = evaluation;
  return { pass1: 100 * pass1, stderr: 100 * stderr.pass1, format: 100 * formatRate, active };
}

const resultsPath = join(flags.out, "results.json");
mkdirSync(flags.out, { recursive: true });
const subject = { teacher: resolve(teacher), preset: flags.preset };
const results = existsSync(resultsPath) ? JSON.parse(readFileSync(resultsPath, "utf8")) : { subject };
if (JSON.stringify(results.subject) !== JSON.stringify(subject))
  throw new Error(`${resultsPath} is of ${JSON.stringify(results.subject)}; choose another folder with --out`);
/** Does a part of the experiment unless its result is there. A run that a failure left behind is begun anew. */
async function part(name, out, work) {
  if (results[name] === undefined) {
    if (out !== null) rmSync(out, { recursive: true, force: true });
    results[name] = await work();
    writeFileSync(resultsPath, `${JSON.stringify(results, null, 1)}\n`);
  }
  const { cpu, pass1, stderr, format, perStep } = results[name];
  const time = cpu === undefined ? [] : [`${Math.round(cpu)} s of CPU time`];
  const cost = perStep === undefined ? [] : [`${perStep.toFixed(2)} s of CPU time a step`];
  const score =
    pass1 === undefined ? [] : [`pass@1 ${pass1.toFixed(1)} ± ${stderr.toFixed(1)}%, format ${format.toFixed(0)}%`];
  tell(`${name}: ${[...time, ...cost, ...score].join(", ")}`);
  return results[name];
}

/** CPU seconds of a step, and of all that is around the steps of a run, from two short runs. */
async function stepCost(run, out) {
  const seconds = [];
  for (const steps of sizes.probe) {
    rmSync(out, { recursive: true, force: true });
    seconds.push(await timed(run(out, steps)));
  }
  rmSync(out, { recursive: true, force: true });
  const [[few, many], [short, long]] = [sizes.probe, seconds];
  const perStep = Math.max(0.01, (long - short) / (many - few));
  return { perStep, around: Math.max(0, short - few * perStep) };
}
/** Runs for at least so many CPU seconds: anew with more steps where they turn out too short. */
async function atLeast(seconds, cost, run, out) {
  for (let steps = stepsIn(MARGIN * seconds, cost); ; ) {
    const cpu = await timed(run(out, steps));
    if (cpu >= seconds) return cpu;
    rmSync(out, { recursive: true, force: true });
    steps = Math.ceil((steps * MARGIN * seconds) / cpu);
  }
}
/** How many steps so many CPU seconds hold. */
const stepsIn = (budget, { perStep, around }) => Math.max(1, Math.round((budget - around) / perStep));

const limits = { maxCompletionLength: maxNewTokens };
/** Of the ways that go in rounds. */
const decay = { finalLearningRateFraction: 0.1 };
const unsaved = { evaluation: unmeasured, checkpointSeconds: NEVER };

const reinforced = (model, seed, own = {}) => (out, steps) => (signal) =>
  reinforce({
    ...{ model, out, seed, signal, quiet: true },
    options: {
      rl: { ...sizes.rl, ...own, ...limits, ...decay, lossType: "dapo", steps, maxSequences: 256 },
      ...unsaved,
    },
  });
const judged = (student, seed) => (out, steps) => (signal) =>
  distill({
    ...{ teacher, student, out, seed, signal, quiet: true },
    options: {
      ...{ method: "on-policy", onPolicy: { ...sizes.onPolicy, ...decay, steps } },
      ...{ sampling: { ...limits, maxSequences: 256 }, ...unsaved },
    },
  });
const taught = (student, seed) => (out) => (signal) =>
  distill({
    ...{ teacher, student, out, seed, signal, quiet: true },
    options: {
      sampling: { ...sizes.sampling, ...limits, temperature: 1, topP: 1, maxSequences: 256 },
      ...{ train: sizes.train, ...unsaved },
    },
  });

/** All ways of one student. */
async function experiment(kind, seed, ofTeacher) {
  const at = (name) => join(flags.out, `${kind}-${seed}-${name.replaceAll(", ", "-")}`);
  const ownSeed = 1000 * worldSeed + seed;
  /** A way: what it does, which gives its CPU seconds, and those that were spent before. */
  const way = (name, work, before = 0) =>
    part(`${kind} ${seed} ${name}`, at(name), async () => {
      const cpu = await work(at(name));
      return { cpu: cpu + before, ...(await measure(at(name))) };
    });
  const base = await way("base", (out) => timed(() => pretrain(kind, ownSeed, out)));
  if (3 * base.active > ofTeacher.active)
    throw new Error(
      `${kind}: ${base.active} active parameters are more than a third of the teacher's ${ofTeacher.active}`,
    );
  const { cpu: budget } = await way("sequence", (out) => timed(taught(at("base"), ownSeed)(out)));
  const scratch = at("probe");
  const costOf = (name, run) => part(`${kind} ${name}`, null, () => stepCost(run, scratch));
  const ofRl = await costOf("reinforced, probe", reinforced(at("base"), ownSeed));
  const ofPolicy = await costOf("on-policy, probe", judged(at("base"), ownSeed));
  await way("reinforced", (out) => atLeast(budget, ofRl, reinforced(at("base"), ownSeed), out));
  const further = reinforced(at("sequence"), ownSeed, sizes.further);
  await way("both", (out) => timed(further(out, stepsIn(budget, ofRl))), budget);
  const policy = (seconds) => (out) => timed(judged(at("base"), ownSeed)(out, stepsIn(seconds, ofPolicy)), seconds);
  await way("on-policy, half", policy(budget / 2));
  await way("on-policy", policy(budget));
}

const WAYS = ["base", "reinforced", "sequence", "both", "on-policy, half", "on-policy"];
const mean = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;
const errorOf = (values) =>
  Math.sqrt(values.reduce((sum, each) => sum + (each - mean(values)) ** 2, 0) / (values.length - 1) / values.length);
const withError = (values) =>
  values.length < 2 ? mean(values).toFixed(1) : `${mean(values).toFixed(1)} ± ${errorOf(values).toFixed(1)}`;

/** The means over seeds, and what each way is better than the reinforced one, and than the sequence, of the same seed. */
function table() {
  const rows = kinds.flatMap((kind) =>
    WAYS.map((way) => {
      const of = (name) => seeds.map((seed) => results[`${kind} ${seed} ${name}`]);
      const own = of(way);
      const over = (name) => withError(own.map(({ pass1 }, i) => pass1 - of(name)[i].pass1));
      const cells = [kind, way, withError(own.map(({ pass1 }) => pass1)), over("reinforced"), over("sequence")];
      return `| ${[...cells, withError(own.map(({ cpu }) => cpu)), own[0].active].join(" | ")} |`;
    }),
  );
  return [
    "| student | way | pass@1, % | over reinforced, points | over sequence, points | CPU seconds | active parameters |",
    "|---|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

const ofTeacher = await part("teacher", null, () => measure(teacher));
for (const seed of seeds) for (const kind of kinds) await experiment(kind, seed, ofTeacher);
const seen = seeds.length < 2 ? "one seed" : `mean over ${seeds.length} seeds ± one standard error`;
const head = `Teacher: pass@1 ${ofTeacher.pass1.toFixed(1)}%, ${ofTeacher.active} active parameters; ${seen}`;
process.stdout.write(`${head}\n\n${table()}\n`);
