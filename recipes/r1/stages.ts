// How each kind of stage of the R1 recipe is made from its options. Knows kinds, not their order.
import type { Policy } from "../../src/eval/rollout.js";
import type { Trajectory } from "../../src/eval/trajectory.js";
import { contextOf } from "../../src/models/rope-scaling.js";
import { type EvaluationStage, evaluationStage } from "../../src/rl/evaluation-stage.js";
import { type ReinforcementStage, reinforcementStage } from "../../src/rl/reinforcement-stage.js";
import { keptRowsPath, rejectionStage, writeKeptRows } from "../../src/rl/rejection-stage.js";
import { taskNameOf } from "../../src/tasks/mix.js";
import type { RewardFunction, WeightedReward } from "../../src/tasks/reward.js";
import type { Task } from "../../src/tasks/task.js";
import { readExamples } from "../../src/train/example-data.js";
import { firstOf } from "../../src/train/sequence-list.js";
import type { TrainingSession } from "../../src/train/session.js";
import { ShuffledSequences } from "../../src/train/shuffled-sequences.js";
import type { Stage } from "../../src/train/stage.js";
import {
  type PreparedTraining,
  preparedStage,
  type TrainingStage,
  type TrainingStageOptions,
  trainingStage,
} from "../../src/train/training-stage.js";
import type { WorldCorpus } from "../../src/train/world-corpus.js";
import { stageFigures } from "./figures.js";
import { BASE_STAGE, R1_STAGES, type R1Options, type R1StageName } from "./options.js";
import type { Worlds } from "./worlds.js";

const VALIDATION_SHARE = 0.05;
const MAX_VALIDATION = 64;
const VALIDATION_EVERY_STEPS = 50;

/** Makes the stages of one run. */
export class R1Stages {
  private zeroEvaluation?: EvaluationStage;

  constructor(
    private readonly options: R1Options,
    private readonly worlds: Worlds,
    private readonly policy: Policy,
    private readonly seed: number,
  ) {}

  /** The names of the stages after pretraining, in their order. */
  get chosen(): R1StageName[] {
    return R1_STAGES.filter((name) => this.options.stages.includes(name));
  }

  /** Builds the base by next-token and multi-token prediction. Nothing tells it which thoughts are right. */
  pretraining(corpus: WorldCorpus): TrainingStage {
    const { pretrain } = this.options;
    return trainingStage(BASE_STAGE, corpus, {
      ...pretrain,
      phase: "pretrain",
      finalFraction: 0.05,
      maxGradNorm: 1,
      validation: corpus.sequences(0, pretrain.batchSequences, "heldout"),
      validationEverySteps: VALIDATION_EVERY_STEPS,
      learningRateName: "pretrain.learningRate",
    });
  }

  /** In place of pretraining, where the run is given a base: keeps its weights for the stages that begin from it. */
  givenBase(): Stage {
    return { name: BASE_STAGE, state: { step: 0 }, run: async () => {} };
  }

  /** Measures the model on held-out problems after a stage, under a name. */
  evaluation(name: string, after: Stage): EvaluationStage {
    const { worlds, policy, options } = this;
    const { rl: grpo, evaluation, generalPrompts } = options;
    const { task } = worlds.reasoning;
    const zero = this.zeroEvaluation;
    const measured = {
      reasoning: task,
      general: worlds.general?.task ?? null,
      numGeneral: generalPrompts,
      zeroScores: () => zero?.state.cases ?? [],
    };
    const stage = evaluationStage(
      name,
      {
        ...{ policy, task, grpo, evaluation },
        figures: (held, sample) => stageFigures(measured, held, sample),
      },
      after.state,
    );
    if (name === "zero") this.zeroEvaluation = stage;
    return stage;
  }

  /** GRPO on a task. Evaluations between the rounds are on the reasoning tasks, as the full ones are. */
  reinforcement(
    name: "zero" | "reason" | "all",
    task: Task,
    rewards: readonly (RewardFunction | WeightedReward)[],
  ): ReinforcementStage {
    const { policy, options, worlds } = this;
    const { evaluation } = options;
    const evaluatedTask = worlds.reasoning.task;
    const { steps, learningRate } = options[name];
    const grpo = { ...options.rl, steps, learningRate: learningRate ?? options.rl.learningRate };
    const learningRateName = learningRate === null ? "rl.learningRate" : `${name}.learningRate`;
    return reinforcementStage(name, { policy, task, rewards, grpo, evaluation, evaluatedTask, learningRateName });
  }

  /** Rejection sampling, unless rows are given, and the base fine-tuned on the rows. */
  tuning(name: "cold" | "rejection", rewrite?: (answer: Trajectory) => string | null): Stage[] {
    const { data, minEnglish, keptPerProblem, ...sizes } = this.options[name];
    const sampling = `${name} samples`;
    const tuned = preparedStage({ name, from: BASE_STAGE, phase: "sft" }, (session) =>
      this.prepare(session, name, data ?? [keptRowsPath(session.parts.run.path, sampling)]),
    );
    if (data !== null) return [tuned];
    const { rl } = this.options;
    const sampled = rejectionStage(sampling, {
      ...sizes,
      answerers: async () => ({ policyOf: () => this.policy, close: () => {} }),
      rules: { right: true, form: true, language: "english", minLanguage: minEnglish, keptPerProblem },
      rewrite,
      task: this.worlds.reasoning.task,
      maxNewTokens: rl.maxCompletionLength,
      maxSequences: rl.maxSequences,
      groupOf: taskNameOf,
      mend:
        `raise ${name}.problems (now ${sizes.problems}) or ${name}.samplesPerProblem (now ` +
        `${sizes.samplesPerProblem}), lower ${name}.minEnglish, train longer before it, or give rows with ${name}.data`,
    });
    return [sampled, tuned];
  }

  /** Tokenises the rows, those of general material among them. */
  private async prepare(
    session: TrainingSession,
    name: "cold" | "rejection",
    rows: readonly string[],
  ): Promise<PreparedTraining> {
    const { options, policy, seed } = this;
    const { batchSequences, epochs } = options[name];
    const general = name === "rejection" ? this.generalRows(session.parts.run.path) : [];
    const { train, heldout } = await readExamples([...rows, ...general], policy.tokenizer, {
      promptColumn: null,
      completionColumn: null,
      messagesColumn: null,
      textColumn: null,
      heldOutFraction: VALIDATION_SHARE,
      maxTokens: contextOf(policy.model.config),
      note: (line) => session.parts.progress.note(line),
    });
    const steps = Math.ceil((epochs * train.length) / batchSequences);
    return {
      data: new ShuffledSequences(train, seed),
      options: { ...this.tuningOptions(name), steps, validation: firstOf(heldout, MAX_VALIDATION) },
    };
  }

  private tuningOptions(name: "cold" | "rejection"): Omit<TrainingStageOptions, "steps" | "validation"> {
    const { pretrain } = this.options;
    const { batchSequences, optimizer, learningRate, warmupSteps, weightDecay } = this.options[name];
    const { mtpWeight, balanceAlpha, microBatchTokens } = pretrain;
    return {
      ...{ batchSequences, optimizer, learningRate, warmupSteps, weightDecay },
      ...{ mtpWeight, balanceAlpha, microBatchTokens },
      phase: "sft",
      routerBiasStep: 0,
      finalFraction: 0.1,
      maxGradNorm: 1,
      validationEverySteps: VALIDATION_EVERY_STEPS,
      learningRateName: `${name}.learningRate`,
    };
  }

  /** Writes general instructions with good answers to the run's own file, where the world has any. */
  private generalRows(runPath: string): string[] {
    const { general } = this.worlds;
    const { generalRows } = this.options.rejection;
    if (general === null || generalRows === 0) return [];
    const rows = Array.from({ length: generalRows }, (_, i) => general.row(i, "train"));
    return [writeKeptRows(runPath, "general", rows)];
  }
}
