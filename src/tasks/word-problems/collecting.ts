// Stories of things that are gained and lost one after the other.
import type { DerivationStep } from "../thoughts/derivation.js";
import { capital } from "./names-and-things.js";
import { result, type StoryTeller } from "./story.js";

const GAINS = ["finds {n} more", "buys {n} more", "wins {n} more", "gets {n} more from {other}"] as const;
const LOSSES = ["gives {n} to {other}", "loses {n} of them", "sells {n} of them", "gives {n} away"] as const;

/** As many gains and losses as steps; nobody loses what is not there. */
export const tellCollecting: StoryTeller = (numSteps, draw) => {
  const { name, they } = draw.person();
  const { many } = draw.thing();
  const start = draw.number(5);
  const sentences = [`${name} has ${start} ${many}.`];
  const steps: DerivationStep[] = [];
  let count = start;
  for (let i = 0; i < numSteps; i++) {
    const gains = draw.pick([true, false]);
    const change = gains ? draw.number() : draw.number(2, Math.min(count - 1, 20));
    if (!gains && change >= count) return null;
    count += gains ? change : -change;
    const does = draw
      .pick(gains ? GAINS : LOSSES)
      .replace("{n}", `${change}`)
      .replace("{other}", () => draw.person().name);
    sentences.push(`${i === 0 ? capital(they) : `Then ${they}`} ${does}.`);
    const left = i === 0 ? start : result(i - 1);
    steps.push({
      reason: gains ? "After the gain" : "After the loss",
      left,
      operator: gains ? "+" : "-",
      right: change,
    });
  }
  return { text: `${sentences.join(" ")} How many ${many} does ${they} have now?`, unit: many, steps };
};
