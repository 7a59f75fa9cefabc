// Stories of buying one or two kinds of things, with change or without.
import { capital } from "./names-and-things.js";
import { result, type StoryTeller } from "./story.js";

/** Steps: cost; cost and change; two costs; two costs and change. */
export const tellShopping: StoryTeller = (numSteps, draw) => {
  const { name, they } = draw.person();
  const [first, second] = [draw.thing(), draw.thing()];
  const [count, price, otherCount, otherPrice] = [draw.number(), draw.number(), draw.number(), draw.number()];
  const hasTwo = numSteps >= 3;
  const cost = count * price + (hasTwo ? otherCount * otherPrice : 0);
  const paid = (Math.floor(cost / 10) + draw.number(1, 5)) * 10;
  const buys = draw.pick(["buys", "orders", "takes"]);
  const items = `${count} ${first.many} at ${price} dollars each`;
  const more = hasTwo ? ` and ${otherCount} ${second.many} at ${otherPrice} dollars each` : "";
  const costs = [
    { reason: `Cost of the ${first.many}`, left: count, operator: "*", right: price },
    ...(hasTwo
      ? ([
          { reason: `Cost of the ${second.many}`, left: otherCount, operator: "*", right: otherPrice },
          { reason: "Together", left: result(0), operator: "+", right: result(1) },
        ] as const)
      : []),
  ] as const;
  const bought = `${name} ${buys} ${items}${more}.`;
  if (numSteps % 2 === 1)
    return {
      text: `${bought} How many dollars does ${they} pay${hasTwo ? " in all" : ""}?`,
      unit: "dollars",
      steps: costs,
    };
  const change = { reason: "Change", left: paid, operator: "-", right: result(costs.length - 1) } as const;
  return {
    text: `${bought} ${capital(they)} pays with ${paid} dollars. How many dollars does ${they} get back?`,
    unit: "dollars",
    steps: [...costs, change],
  };
};
