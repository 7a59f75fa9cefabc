// Stories of how old people are and will be.
import { result, type StoryTeller } from "./story.js";

/** Steps: older by; older by, in some years; times as old and younger by, together; older by, together in some years. */
export const tellAges: StoryTeller = (numSteps, draw) => {
  const [a, b, c] = [draw.person(), draw.person(), draw.person()];
  const [age, gap, years] = [draw.number(4), draw.number(), draw.number()];
  const older = { reason: `Age of ${b.name}`, left: age, operator: "+", right: gap } as const;
  const told = `${a.name} is ${age} years old. ${b.name} is ${gap} years older than ${a.name}.`;
  const unit = "years";
  if (numSteps === 1) return { text: `${told} How old is ${b.name}?`, unit, steps: [older] };
  if (numSteps === 2) {
    const later = { reason: "Later", left: result(0), operator: "+", right: years } as const;
    return { text: `${told} How old will ${b.name} be in ${years} years?`, unit, steps: [older, later] };
  }
  if (numSteps === 3) {
    const times = draw.number(2, 4);
    if (gap >= times * age) return null;
    return {
      text:
        `${a.name} is ${age} years old. ${b.name} is ${times} times as old as ${a.name}. ${c.name} is ${gap} years ` +
        `younger than ${b.name}. How many years old are ${a.name} and ${c.name} together?`,
      unit,
      steps: [
        { reason: `Age of ${b.name}`, left: age, operator: "*", right: times },
        { reason: `Age of ${c.name}`, left: result(0), operator: "-", right: gap },
        { reason: "Together", left: age, operator: "+", right: result(1) },
      ],
    };
  }
  return {
    text: `${told} How many years old will ${a.name} and ${b.name} be together in ${years} years?`,
    unit,
    steps: [
      older,
      { reason: "Together now", left: age, operator: "+", right: result(0) },
      { reason: "Years for both", left: 2, operator: "*", right: years },
      { reason: "Together then", left: result(1), operator: "+", right: result(2) },
    ],
  };
};
