// `luciole dpo`: tunes a model on pairs of a better and a worse answer.
import { trainDpo } from "../library/train-dpo.js";
import { formatPercent } from "../number-text.js";
import { dpoOptions, dpoSchema } from "../preference/options.js";
import type { TrainingSummary } from "../run/records.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { type PreferenceFlags, preferenceVerb } from "./preference-verb.js";
import { trainingLines } from "./training-run.js";

/** Tunes, or goes on; prints what it came to. */
export const dpo = (flags: PreferenceFlags): Promise<void> =>
  preferenceVerb("dpo", flags, {
    schema: dpoSchema,
    optionsOf: dpoOptions,
    train: trainDpo,
    lines: (summary) => [
      ...heldOutLines(summary),
      ...trainingLines(summary, `${ownCommand()} run ${shownPath(summary.runDir)} "…"`),
    ],
  });

/** How often the model prefers the better answer of held-out pairs more than the reference does. */
function heldOutLines({ validation }: TrainingSummary): string[] {
  if (!validation) return [];
  const { "rewards/accuracies": accuracy, "rewards/accuracies_stderr": stderr, rows } = validation;
  const error = stderr === undefined ? "" : ` ± ${formatPercent(stderr)}`;
  return [
    "",
    `held-out pairs: the better answer has gained on the reference in ${formatPercent(accuracy)}${error} of ${rows}; ` +
      `mean margin ${validation["rewards/margins"].toFixed(3)}`,
  ];
}
