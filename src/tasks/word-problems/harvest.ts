// Stories of rows of trees and what they bear.
import { result, type StoryTeller } from "./story.js";

const FRUIT = [
  { trees: "apple trees", fruit: "apples" },
  { trees: "cherry trees", fruit: "cherries" },
  { trees: "lemon trees", fruit: "lemons" },
  { trees: "plum trees", fruit: "plums" },
  { trees: "rose bushes", fruit: "roses" },
  { trees: "tomato plants", fruit: "tomatoes" },
] as const;

/** Steps: trees; trees left; what they bear; boxes to hold it. */
export const tellHarvest: StoryTeller = (numSteps, draw) => {
  const { name } = draw.person();
  const { trees, fruit } = draw.pick(FRUIT);
  const [rows, inRow, each, inBox] = [draw.number(2, 12), draw.number(), draw.number(), draw.number(2, 12)];
  const lost = draw.number(2, Math.min(rows * inRow - 1, 20));
  if (lost >= rows * inRow) return null;
  const left = rows * inRow - lost;
  const planted = `${name} has ${rows} rows of ${inRow} ${trees}.`;
  const all = { reason: "Planted", left: rows, operator: "*", right: inRow } as const;
  if (numSteps === 1) return { text: `${planted} How many ${trees} are there?`, unit: trees, steps: [all] };
  const dead = draw.pick(["die in the winter", "are cut down", "are sold"]);
  const rest = { reason: "Left", left: result(0), operator: "-", right: lost } as const;
  const then = `${planted} Of these, ${lost} ${dead}.`;
  if (numSteps === 2) return { text: `${then} How many ${trees} are left?`, unit: trees, steps: [all, rest] };
  const bears = `Each of those left bears ${each} ${fruit}.`;
  const crop = { reason: "Harvest", left: result(1), operator: "*", right: each } as const;
  if (numSteps === 3)
    return { text: `${then} ${bears} How many ${fruit} is that?`, unit: fruit, steps: [all, rest, crop] };
  if ((left * each) % inBox !== 0) return null;
  return {
    text: `${then} ${bears} How many boxes of ${inBox} ${fruit} do they fill?`,
    unit: "boxes",
    steps: [all, rest, crop, { reason: "Boxes", left: result(2), operator: "/", right: inBox }],
  };
};
