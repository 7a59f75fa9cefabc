// `luciole reward-model`: trains a model that scores answers, and says how far its scores can be trusted.
import { trainRewardModel } from "../library/train-reward-model.js";
import { formatPercent } from "../number-text.js";
import { rewardModelOptions, rewardModelSchema } from "../preference/options.js";
import type { TrainingSummary } from "../run/records.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { type PreferenceFlags, preferenceVerb } from "./preference-verb.js";
import { trainingLines } from "./training-run.js";

/** Trains, or goes on; prints what it came to. */
export const rewardModelVerb = (flags: PreferenceFlags): Promise<void> =>
  preferenceVerb("reward-model", flags, {
    schema: rewardModelSchema,
    optionsOf: rewardModelOptions,
    train: trainRewardModel,
    lines: (summary) => [
      ...trustLines(summary),
      ...trainingLines(
        summary,
        `${ownCommand()} rl --model <model> --task <task> --reward rm:${shownPath(summary.runDir)}`,
      ),
    ],
  });

/** Accuracy on held-out rows with its standard error, and what length has to do with it. */
export function trustLines({ validation }: TrainingSummary): string[] {
  if (!validation) return [];
  const { accuracy, accuracy_stderr: stderr, rows, length_correlation: correlation } = validation;
  const error = stderr === undefined ? "" : ` ± ${formatPercent(stderr)}`;
  const part = (name: string, words: string) =>
    validation[name] === undefined
      ? []
      : [`${formatPercent(validation[name])} where ${words} (${validation[`${name}_rows`]} rows)`];
  const parts = [
    ...part("accuracy_chosen_shorter", "the better answer is the shorter one"),
    ...part("accuracy_chosen_longer", "it is the longer one"),
    ...part("accuracy_label_true", "the label is true"),
    ...part("accuracy_label_false", "the label is false"),
  ];
  const details = parts.length > 0 ? `: ${parts.join(", ")}` : "";
  return [
    "",
    `accuracy ${formatPercent(accuracy)}${error} on ${rows} held-out rows${details}`,
    ...(correlation === undefined ? [] : [`correlation of score and length ${correlation.toFixed(2)}`]),
  ];
}
