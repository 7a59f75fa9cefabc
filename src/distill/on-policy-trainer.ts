// On-policy distillation, one step after the other: the student samples, the teachers say how likely they find each of
// its tokens, and the student moves towards what they find likelier than itself. The gradient is that of the reverse KL
// divergence at the sampled tokens (Agarwal et al. 2023, arXiv 2306.13649; Gu et al. 2023, arXiv 2306.08543).
// Knows no files and no terminal.
import { prompterOf } from "../eval/problem-prompt.js";
import { type Policy, rollout } from "../eval/rollout.js";
import type { Trajectory } from "../eval/trajectory.js";
import { AdamW } from "../optim/adamw.js";
import { type Schedule, warmupCosine } from "../optim/schedule.js";
import type { GrpoConfig } from "../rl/config.js";
import { freshGrpoState, type GrpoState, type GrpoStep } from "../rl/grpo-trainer.js";
import { lengthMetrics, workMetrics } from "../rl/metrics.js";
import type { RoundTrainer } from "../rl/reinforcement-stage.js";
import { refuseNonFiniteUpdate, type ScoredTrajectory, scoreLogProbs, updatePolicy } from "../rl/update.js";
import type { Task } from "../tasks/task.js";
import { WorkClock } from "../train/work-count.js";
import type { Teachers } from "./teachers.js";

/** Trains a student on its own samples, by what teachers think of them. */
export class OnPolicyTrainer implements RoundTrainer {
  readonly optimizer: AdamW;
  readonly reference = null;
  private readonly schedule: Schedule;

  /**
   * `config` holds sizes and rates of the steps; nothing in it is about rewards. `state` is counted up; one that was
   * saved, with the weights and moments of then, is gone on from.
   */
  constructor(
    readonly policy: Policy,
    readonly teachers: Teachers,
    readonly task: Task,
    readonly config: GrpoConfig,
    readonly seed: number,
    readonly state: GrpoState = freshGrpoState(),
  ) {
    const { learningRate: peak, warmupSteps, steps, finalLearningRateFraction: finalFraction } = config;
    const totalSteps = Math.max(steps, warmupSteps + 1);
    this.schedule = warmupCosine({ peak, warmupSteps, totalSteps, finalFraction });
    const { maxGradNorm: maxNorm, weightDecay } = config;
    this.optimizer = new AdamW(policy.model.trainable.trained(), { maxNorm, weightDecay });
  }

  /**
   * One step. Throws TrainingError when the loss is not finite (the update then changes nothing), and Interrupted when
   * `signal` fires before the update: then nothing has moved.
   */
  async runStep(signal?: AbortSignal): Promise<GrpoStep> {
    const { state, config, optimizer } = this;
    const { model } = this.policy;
    const clock = new WorkClock(model.device);
    const trajectories = await this.sample(signal);
    const rollout = clock.lap(trajectories.reduce((sum, { completionIds }) => sum + completionIds.length, 0));
    const scored = await this.score(trajectories, signal);
    const lr = this.schedule(state.step);
    const update = await updatePolicy(model, optimizer, scored, config, lr, signal);
    await refuseNonFiniteUpdate(model, update, `distill step ${state.step + 1}`, {
      "onPolicy.learningRate": lr,
      "onPolicy.maxGradNorm": config.maxGradNorm,
    });
    const train = clock.lap(update.numTokens);
    state.step++;
    state.nextProblem += config.numPrompts;
    state.numTokens += trajectories.reduce((sum, t) => sum + t.promptIds.length + t.completionIds.length, 0);
    const metrics = {
      teacher_kl: meanGap(scored),
      ...lengthMetrics(trajectories),
      ...update.metrics,
      ...workMetrics(state, lr, { rollout, train }),
    };
    const rewards = trajectories.map(() => null);
    const work = { rollout, train };
    return { metrics, trajectories, rewards, byReward: new Map(), notices: [], expertLoad: update.expertLoad, work };
  }

  dispose(): void {
    this.optimizer.dispose();
    this.teachers.close();
  }

  private sample(signal?: AbortSignal): Promise<Trajectory[]> {
    const { config, seed, task, state } = this;
    const { numPrompts, numGenerations, maxCompletionLength: maxNewTokens, temperature, maxSequences } = config;
    const first = state.nextProblem;
    const problems = Array.from({ length: numPrompts }, (_, i) => task.generate(seed, first + i, "train"));
    const sampling = { numGenerations, maxNewTokens, temperature, maxSequences, signal };
    return rollout(this.policy, task, problems, { ...sampling, seed: seed * 1_000_003 + first });
  }

  /** Each token's advantage: its log-probability under the teacher less that under the student that sampled it. */
  private async score(trajectories: readonly Trajectory[], signal?: AbortSignal): Promise<ScoredTrajectory[]> {
    const scored: ScoredTrajectory[] = [];
    for (const [teacher, places] of this.byTeacher(trajectories)) {
      const asked = places.map((place) => putTo(teacher, this.task, trajectories[place]));
      const logProbs = await scoreLogProbs(teacher.model, asked, this.config, signal);
      places.forEach((place, i) => {
        const trajectory = trajectories[place];
        const advantages = trajectory.logProbs.map((own, t) => logProbs[i][t] - own);
        scored[place] = { trajectory, advantages, refLogProbs: null };
      });
    }
    return scored;
  }

  private byTeacher(trajectories: readonly Trajectory[]): Map<Policy, number[]> {
    const places = new Map<Policy, number[]>();
    trajectories.forEach(({ problem }, place) => {
      const teacher = this.teachers.policyOf(problem);
      places.set(teacher, [...(places.get(teacher) ?? []), place]);
    });
    return places;
  }
}

/** The student's completion behind the teacher's own prompt. */
const putTo = (teacher: Policy, task: Task, trajectory: Trajectory): Trajectory => ({
  ...trajectory,
  promptIds: prompterOf(teacher)(task, trajectory.problem).ids,
});

/** Mean over all tokens of how much likelier the student finds them than the teacher. */
function meanGap(scored: readonly ScoredTrajectory[]): number {
  let [sum, count] = [0, 0];
  for (const { advantages } of scored) {
    count += advantages.length;
    for (const advantage of advantages) sum -= advantage;
  }
  return count === 0 ? 0 : sum / count;
}
