// Stories of people or machines that get so much done in an hour.
import { result, type StoryTeller } from "./story.js";

const JOBS = [
  { does: "paints", done: "painted", things: "posts" },
  { does: "folds", done: "folded", things: "letters" },
  { does: "repairs", done: "repaired", things: "bicycles" },
  { does: "packs", done: "packed", things: "parcels" },
  { does: "washes", done: "washed", things: "windows" },
  { does: "plants", done: "planted", things: "trees" },
] as const;

/** Steps: output; time of two together; the same with some done before; one alone first, then both. */
export const tellWork: StoryTeller = (numSteps, draw) => {
  const [a, b] = [draw.person().name, draw.person().name];
  const { does, done, things } = draw.pick(JOBS);
  const [rate, otherRate, hours] = [draw.number(2, 12), draw.number(2, 12), draw.number(2, 9)];
  if (numSteps === 1)
    return {
      text: `${a} ${does} ${rate} ${things} an hour. How many ${things} are ${done} after ${hours} hours?`,
      unit: things,
      steps: [{ reason: "Work done", left: rate, operator: "*", right: hours }],
    };
  const together = (step: number, left: number | { readonly step: number }) =>
    [
      { reason: "Together an hour", left: rate, operator: "+", right: otherRate },
      { reason: "Hours", left, operator: "/", right: result(step) },
    ] as const;
  const both = hours * (rate + otherRate);
  const rates = `${a} ${does} ${rate} ${things} an hour, and ${b} ${does} ${otherRate}.`;
  if (numSteps === 2)
    return {
      text: `${rates} How many hours do they need together for ${both} ${things}?`,
      unit: "hours",
      steps: together(0, both),
    };
  if (numSteps === 3) {
    const before = draw.number();
    return {
      text:
        `There are ${both + before} ${things}, and ${before} of them are ${done} already. ${rates} How many hours ` +
        "do they need together for the rest?",
      unit: "hours",
      steps: [{ reason: "Left to do", left: both + before, operator: "-", right: before }, ...together(1, result(0))],
    };
  }
  const alone = draw.number(2, 6);
  return {
    text:
      `${rates} ${a} works alone for ${alone} hours, and then both work until ${both + alone * rate} ${things} are ` +
      `${done}. How many hours do both work together?`,
    unit: "hours",
    steps: [
      { reason: "Done alone", left: rate, operator: "*", right: alone },
      { reason: "Left to do", left: both + alone * rate, operator: "-", right: result(0) },
      ...together(2, result(1)),
    ],
  };
};
