// Stories of mixing two things in a proportion.
import { capital } from "./names-and-things.js";
import { result, type StoryTeller } from "./story.js";

const MIXTURES = [
  { name: "drink", first: "syrup", second: "water", cups: "cups", small: "ml" },
  { name: "mortar", first: "cement", second: "sand", cups: "buckets", small: "kg" },
  { name: "paint", first: "blue", second: "white", cups: "cans", small: "litres" },
  { name: "dough", first: "butter", second: "flour", cups: "spoons", small: "grams" },
  { name: "dressing", first: "oil", second: "vinegar", cups: "spoons", small: "ml" },
  { name: "compost", first: "leaves", second: "soil", cups: "barrows", small: "kg" },
] as const;

/** Steps: amount of the second; of both; one part of a total; how much more of one than of the other. */
export const tellMixtures: StoryTeller = (numSteps, draw) => {
  const { name, first, second, cups, small } = draw.pick(MIXTURES);
  const [amount, factor] = [draw.number(), draw.number(2, 9)];
  const cup = cups.slice(0, -1);
  const told = `A ${name} takes ${factor} ${cups} of ${second} for every ${cup} of ${first}.`;
  const other = { reason: capital(second), left: amount, operator: "*", right: factor } as const;
  if (numSteps === 1)
    return {
      text: `${told} How many ${cups} of ${second} go with ${amount} ${cups} of ${first}?`,
      unit: cups,
      steps: [other],
    };
  if (numSteps === 2)
    return {
      text: `${told} How many ${cups} are there in all with ${amount} ${cups} of ${first}?`,
      unit: cups,
      steps: [other, { reason: "In all", left: amount, operator: "+", right: result(0) }],
    };
  const [fewer, more] = [draw.number(2, 6), draw.number(3, 9)];
  if (more <= fewer) return null;
  const part = draw.number();
  const total = part * (fewer + more);
  const parts = `A ${name} is mixed from ${fewer} parts ${first} and ${more} parts ${second}.`;
  const onePart = [
    { reason: "Parts in all", left: fewer, operator: "+", right: more },
    { reason: "One part", left: total, operator: "/", right: result(0) },
  ] as const;
  if (numSteps === 3) {
    const [asked, numParts] = draw.pick([[first, fewer] as const, [second, more] as const]);
    return {
      text: `${parts} How many ${small} of ${asked} are in ${total} ${small} of the mixture?`,
      unit: small,
      steps: [...onePart, { reason: capital(asked), left: result(1), operator: "*", right: numParts }],
    };
  }
  return {
    text: `${parts} In ${total} ${small} of the mixture, how many ${small} more of ${second} than of ${first} are there?`,
    unit: small,
    steps: [
      ...onePart,
      { reason: "More parts", left: more, operator: "-", right: fewer },
      { reason: "Difference", left: result(1), operator: "*", right: result(2) },
    ],
  };
};
