// Stories of distances covered at a speed.
import { result, type StoryTeller } from "./story.js";

/** How people get about: the verb and the range of speeds in tens of km an hour. */
const WAYS = [
  { goes: "drives", unit: 10, min: 3, max: 11 },
  { goes: "rides", unit: 1, min: 8, max: 30 },
  { goes: "walks", unit: 1, min: 3, max: 6 },
  { goes: "sails", unit: 1, min: 5, max: 20 },
] as const;

/** Steps: distance; what is left of a way; two distances; what is left after two. */
export const tellTravel: StoryTeller = (numSteps, draw) => {
  const { name, they } = draw.person();
  const { goes, unit, min, max } = draw.pick(WAYS);
  const speed = () => unit * draw.number(min, max);
  const [first, second] = [
    { hours: draw.number(2, 9), speed: speed() },
    { hours: draw.number(2, 9), speed: speed() },
  ];
  const hasTwo = numSteps >= 3;
  const distance = first.hours * first.speed + (hasTwo ? second.hours * second.speed : 0);
  const total = distance + unit * draw.number(1);
  const leg = ({ hours, speed: each }: typeof first): string => `${hours} hours at ${each} km an hour`;
  const told = `${goes} ${leg(first)}${hasTwo ? ` and then ${leg(second)}` : ""}`;
  const distances = [
    { reason: hasTwo ? "First part" : "Distance", left: first.hours, operator: "*", right: first.speed },
    ...(hasTwo
      ? ([
          { reason: "Second part", left: second.hours, operator: "*", right: second.speed },
          { reason: "Both parts", left: result(0), operator: "+", right: result(1) },
        ] as const)
      : []),
  ] as const;
  if (numSteps % 2 === 1)
    return {
      text: `${name} ${told}. How many km does ${they} cover${hasTwo ? " in all" : ""}?`,
      unit: "km",
      steps: distances,
    };
  const place = draw.pick(["The coast", "The next town", "The lake", "The border", "The harbour"]);
  return {
    text: `${place} is ${total} km away. ${name} ${told}. How many km are left?`,
    unit: "km",
    steps: [...distances, { reason: "Left", left: total, operator: "-", right: result(distances.length - 1) }],
  };
};
