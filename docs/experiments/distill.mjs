// The experiment of docs/distil.md: is a small student better distilled or reinforced? Given a finished run of
// `luciole r1`, students of two kinds are pretrained on the same world, and each base goes four ways:
//   sequence     fine-tuned on the teacher's right answers; the CPU time of that is the budget of the others
//   reinforced   GRPO for the same CPU time
//   both         fine-tuned as above, then GRPO for the same CPU time again
//   on-policy    judged by the teacher token by token, for half of the CPU time, and for all of it
// Each model is measured on the same held-out problems. What is done is kept in results.json and not done again.
// Usage, in a clone that is built:
//   node docs/experiments/distill.mjs runs/r1 [--out runs/distill-experiment] [--seeds 1,2,3] [--preset full|smoke]
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
    evaluation: { problems: 300, samplesPerProblem: 4 },
  },
  // A few minutes, to see that everything runs; its figures mean nothing.
  smoke: {
    pretrain: { steps: 300, batchSequences: 32 },
    sampling: { problems: 256, samplesPerProblem: 2 },
    train: { epochs: 1, batchSequences: 8, learningRate: 1e-3 },
    onPolicy: { numPrompts: 4, numGenerations: 2, learningRate: 5e-4 },
    rl: { numPrompts: 8, numGenerations: 8, learningRate: 3e-4 },
    evaluation: { problems: 16, samplesPerProblem: 2 },
  },
};

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "runs/distill-experiment" },
    seeds: { type: "string", default: "1" },
    preset: { type: "string", default: "full" },
  },
});
const [teacher] = positionals;
const sizes = PRESETS[flags.preset];
if (teacher === undefined || sizes === undefined)
  throw new Error(
    "usage: node docs/experiments/distill.mjs <run of luciole r1> [--out …] [--seeds 1,2] [--preset full]",
  );

const machine = await openMachine({ name: "native" });
const { options: taught, seed: worldSeed } = readRunConfig(teacher);
const facts = await readModelFacts(teacher);
const { task: taskName, task_options: taskOptions, max_new_tokens: maxNewTokens } = facts.generation;
const task = createTask(taskName, taskOptions);
/** More steps than any budget holds: the CPU time ends them. */
const ENDLESS = 1_000_000;
/** The runs' own evaluations cost as little as may be: everything is measured below. */
const unmeasured = { problems: 1, samplesPerProblem: 1, quickProblems: 1, everySteps: ENDLESS };

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
        ...taught,
        pretrain: { ...taught.pretrain, batchSequences: sizes.pretrain.batchSequences },
        students: { ...taught.students, pretrainSteps: sizes.pretrain.steps },
      },
    },
  );

/** Held-out accuracy of a model, in percent, with its size. */
async function measure(path) {
  const { model, tokenizer, stopIds } = await openModel(path);
  const policy = { model, tokenizer, stopIds, template: facts.generation.prompt_template };
  const { temperature, topP } = taught.evaluation;
  const sampling = { maxNewTokens, temperature, topP, maxSequences: 256, seed: worldSeed };
  const { evaluation } = await evaluatePolicy(policy, task, { ...sizes.evaluation, ...sampling });
  const active = Math.round(model.numActiveParameters);
  model.dispose();
  const { pass1, formatRate, stderr } = evaluation;
  return { pass1: 100 * pass1, stderr: 100 * stderr.pass1, format: 100 * formatRate, active };
}

const resultsPath = join(flags.out, "results.json");
mkdirSync(flags.out, { recursive: true });
const results = existsSync(resultsPath) ? JSON.parse(readFileSync(resultsPath, "utf8")) : {};
/** Does a part of the experiment unless its result is there. A run that a failure left behind is begun anew. */
async function part(name, out, work) {
  if (results[name] === undefined) {
    if (out !== null) rmSync(out, { recursive: true, force: true });
    results[name] = await work();
    writeFileSync(resultsPath, `${JSON.stringify(results, null, 1)}\n`);
  }
  const { cpu, pass1, stderr, format } = results[name];
  const time = cpu === undefined ? "" : `${Math.round(cpu)} s of CPU time, `;
  tell(`${name}: ${time}pass@1 ${pass1.toFixed(1)} ± ${stderr.toFixed(1)}%, format ${format.toFixed(0)}%`);
  return results[name];
}

const limits = { maxCompletionLength: maxNewTokens };
const reinforced = (model, out, seed) => (signal) =>
  reinforce({
    ...{ model, out, seed, signal, quiet: true },
    options: {
      rl: { ...sizes.rl, ...limits, lossType: "dapo", steps: ENDLESS, maxSequences: 256 },
      evaluation: unmeasured,
      checkpointSeconds: ENDLESS,
    },
  });

async function experiment(kind, seed, ofTeacher) {
  const at = (name) => join(flags.out, `${kind}-${seed}-${name}`);
  const named = (name) => `${kind} ${seed} ${name}`;
  const ownSeed = 1000 * worldSeed + seed;
  const ways = {
    base: at("base"),
    sequence: at("sequence"),
    rl: at("reinforced"),
    both: at("both"),
    policy: at("on-policy"),
  };
  const base = await part(named("base"), ways.base, async () => {
    const cpu = await timed(() => pretrain(kind, ownSeed, ways.base));
    return { cpu, ...(await measure(ways.base)) };
  });
  if (3 * base.active > ofTeacher.active)
    throw new Error(
      `${kind}: ${base.active} active parameters are more than a third of the teacher's ${ofTeacher.active}`,
    );
  const call = { teacher, student: ways.base, seed: ownSeed, quiet: true };
  const distilled = { checkpointSeconds: ENDLESS, evaluation: unmeasured };
  const { cpu: budget } = await part(named("sequence"), ways.sequence, async () => {
    const sampling = { ...sizes.sampling, ...limits, temperature: 1, topP: 1, maxSequences: 256 };
    const options = { ...distilled, sampling, train: sizes.train };
    const cpu = await timed(() => distill({ ...call, options, out: ways.sequence }));
    return { cpu, ...(await measure(ways.sequence)) };
  });
  for (const [name, from, out] of [
    ["reinforced", ways.base, ways.rl],
    ["both", ways.sequence, ways.both],
  ])
    await part(named(name), out, async () => {
      const cpu = await timed(reinforced(from, out, ownSeed), budget);
      return { cpu: name === "both" ? cpu + budget : cpu, ...(await measure(out)) };
    });
  const onPolicy = { ...sizes.onPolicy, steps: ENDLESS };
  const options = { ...distilled, method: "on-policy", onPolicy, sampling: { ...limits, maxSequences: 256 } };
  const judged = (resume) => (signal) => distill({ ...call, options, out: ways.policy, resume, signal });
  const half = await part(named("on-policy, half"), ways.policy, async () => {
    const cpu = await timed(judged(false), budget / 2);
    return { cpu, ...(await measure(ways.policy)) };
  });
  await part(named("on-policy"), null, async () => {
    const cpu = half.cpu + (await timed(judged(true), budget - half.cpu));
    return { cpu, ...(await measure(ways.policy)) };
  });
}

const WAYS = ["base", "reinforced", "sequence", "both", "on-policy, half", "on-policy"];
const mean = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;
const errorOf = (values) =>
  values.length < 2
    ? Number.NaN
    : Math.sqrt(
        values.reduce((sum, each) => sum + (each - mean(values)) ** 2, 0) / (values.length - 1) / values.length,
      );
const withError = (values) => `${mean(values).toFixed(1)} ± ${errorOf(values).toFixed(1)}`;

/** The means over seeds, and what each way is better than the reinforced one of the same seed. */
function table(kinds, seeds) {
  const rows = kinds.flatMap((kind) =>
    WAYS.map((way) => {
      const of = (name) => seeds.map((seed) => results[`${kind} ${seed} ${name}`]);
      const [own, rl] = [of(way), of("reinforced")];
      const gain = own.map(({ pass1 }, i) => pass1 - rl[i].pass1);
      const cells = [kind, way, withError(own.map(({ pass1 }) => pass1)), withError(gain)];
      return `| ${[...cells, Math.round(mean(own.map(({ cpu }) => cpu))), own[0].active].join(" | ")} |`;
    }),
  );
  return [
    "| student | way | pass@1, % | over reinforced, points | CPU seconds | active parameters |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

const ofTeacher = await part("teacher", null, () => measure(teacher));
const [kinds, seeds] = [Object.keys(STUDENT_SHAPES), flags.seeds.split(",").map(Number)];
for (const seed of seeds) for (const kind of kinds) await experiment(kind, seed, ofTeacher);
const seen = seeds.length < 2 ? "one seed" : `mean over ${seeds.length} seeds ± one standard error`;
const head = `Teacher: pass@1 ${ofTeacher.pass1.toFixed(1)}%, ${ofTeacher.active} active parameters; ${seen}`;
process.stdout.write(`${head}\n\n${table(kinds, seeds)}\n`);
