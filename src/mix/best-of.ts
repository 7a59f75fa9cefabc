// `best-of`: of several samples, the one that a judge finds best: a reward model, or the verifier of the task.
import { ConfigError } from "../errors.js";
import type { RewardModel } from "../preference/reward-model.js";
import type { Course, Policy, Sample } from "./course.js";
import type { Member } from "./member.js";

/** Scores samples of one question; higher is better. */
export type Judge = (course: Course, samples: readonly Sample[]) => Promise<readonly number[]>;

/** The policy. Of samples with the same score, the one drawn first wins. */
export const bestOfPolicy =
  (members: readonly Member[], samples: number, judge: Judge): Policy =>
  async (course) => {
    const draws = Array.from({ length: samples }, (_, draw) => course.sample(members[draw % members.length], draw));
    const drawn = await Promise.all(draws);
    const scores = await judge(course, drawn);
    course.check();
    return drawn.reduce((best, sample, i) => (scores[i] > scores[drawn.indexOf(best)] ? sample : best));
  };

/** Scores answers by a reward model; a reply without an answer is worth less than any. */
export const rewardJudge =
  (model: Pick<RewardModel, "score">): Judge =>
  async ({ question: { text: prompt } }, samples) => {
    const texts = samples.map(({ completion, answer }) => answer ?? completion.response.reply);
    const given = texts.filter((text) => text.trim() !== "");
    const scores = await model.score(given.map((answer) => ({ prompt, answer })));
    let next = 0;
    return texts.map((text) => (text.trim() === "" ? Number.NEGATIVE_INFINITY : scores[next++]));
  };

/** Scores answers by the task's verifier: what could be reached at best. Throws ConfigError outside of a task. */
export const verifierJudge: Judge = async ({ question }, samples) => {
  const { verify } = question;
  if (!verify)
    throw new ConfigError(
      'policy best-of: the judge "verifier" needs a task (luciole eval --task …); for other questions take rm:<dir>',
    );
  return samples.map(({ answer }) => (answer === null ? 0 : verify(answer)));
};
