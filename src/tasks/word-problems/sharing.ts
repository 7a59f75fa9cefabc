// Stories of dividing things equally.
import { capital } from "./names-and-things.js";
import { result, type StoryTeller } from "./story.js";

/** Steps: things shared; had and bought; bags and loose ones; bags and loose ones less some that are kept. */
export const tellSharing: StoryTeller = (numSteps, draw) => {
  const { name, they } = draw.person();
  const { many } = draw.thing();
  const [numSharers, each] = [draw.number(2, 12), draw.number()];
  const total = numSharers * each;
  const sharers = draw.pick(["children", "friends", "neighbours", "players", "guests"]);
  const asked = `How many ${many} does each of them get?`;
  const share = (step: number) => ({ reason: "Each", left: result(step), operator: "/", right: numSharers }) as const;
  const shares = `${capital(they)} shares them equally among ${numSharers} ${sharers}.`;
  if (numSteps === 1)
    return {
      text: `${numSharers} ${sharers} share ${total} ${many} equally. ${asked}`,
      unit: many,
      steps: [{ reason: "Each", left: total, operator: "/", right: numSharers }],
    };
  if (numSteps === 2) {
    const had = draw.number(1, total - 1);
    if (had < 2 || total - had < 2) return null;
    return {
      text: `${name} has ${had} ${many} and buys ${total - had} more. ${shares} ${asked}`,
      unit: many,
      steps: [{ reason: "In all", left: had, operator: "+", right: total - had }, share(0)],
    };
  }
  const [bags, inBag, kept] = [draw.number(2, 9), draw.number(), numSteps === 4 ? draw.number(2, 9) : 0];
  const loose = total + kept - bags * inBag;
  if (loose < 2 || loose > 30) return null;
  const keeps = numSteps === 4 ? ` ${capital(they)} keeps ${kept} of them.` : "";
  const sharesRest = numSteps === 4 ? shares.replace("them", "the rest") : shares;
  return {
    text: `${name} has ${bags} bags of ${inBag} ${many} and ${loose} loose ones.${keeps} ${sharesRest} ${asked}`,
    unit: many,
    steps: [
      { reason: "In the bags", left: bags, operator: "*", right: inBag },
      { reason: "In all", left: result(0), operator: "+", right: loose },
      ...(numSteps === 4 ? ([{ reason: "To share", left: result(1), operator: "-", right: kept }] as const) : []),
      share(numSteps - 2),
    ],
  };
};
