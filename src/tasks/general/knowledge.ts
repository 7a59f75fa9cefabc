// Questions to a small knowledge base of made-up places, and conversions of units.
import { PEOPLE } from "../word-problems/names-and-things.js";
import { type ExchangeDraw, harmless, pickSome } from "./exchange.js";
import { PLACES } from "./records.js";

/** A fact: its statement, the question, and what the answer turns on. */
interface Fact {
  readonly states: string;
  readonly asks: string;
  readonly value: string;
}

/** What made-up places are known for. */
export const PRODUCTS = "glass|paper|cheese|wool|salt|honey|boats|clocks|shoes|tea".split("|");
/** Made-up rivers. */
export const RIVERS = "Arno Bree Cole Dart Esk Fal Gade Hull Isla Kenn".split(" ");

/** All facts that may be told of a place, with values drawn. */
function factsOf(place: string, random: Parameters<ExchangeDraw>[0]): Fact[] {
  const [people, height, year] = [1000 * (2 + random.below(90)), 10 * (3 + random.below(90)), 1100 + random.below(800)];
  const [mayor, river, product] = [random.pick(PEOPLE).name, random.pick(RIVERS), random.pick(PRODUCTS)];
  return [
    { states: `${place} has ${people} people.`, asks: `How many people does ${place} have?`, value: `${people}` },
    { states: `The mayor of ${place} is ${mayor}.`, asks: `Who is the mayor of ${place}?`, value: mayor },
    { states: `${place} lies on the river ${river}.`, asks: `On which river does ${place} lie?`, value: river },
    { states: `${place} is known for its ${product}.`, asks: `What is ${place} known for?`, value: product },
    { states: `${place} was founded in ${year}.`, asks: `When was ${place} founded?`, value: `${year}` },
    {
      states: `The tower of ${place} is ${height} feet high.`,
      asks: `How high is the tower of ${place}?`,
      value: `${height}`,
    },
  ];
}

/** Two places with some facts, and a question; one in five is about a fact that is not told. */
export const drawKnowledge: ExchangeDraw = (random) => {
  const [first, second] = pickSome(PLACES, 2, random);
  const told = pickSome(factsOf(first, random), 2 + random.below(2), random);
  const others = pickSome(factsOf(second, random), 1 + random.below(2), random);
  const facts = random.shuffle([...told, ...others]);
  const base = `Facts: ${facts.map(({ states }) => states).join(" ")}`;
  const untold = factsOf(first, random).filter(({ asks }) => !told.some((fact) => fact.asks === asks));
  if (random.below(5) === 0)
    return harmless(
      "knowledge",
      `${base}\nQuestion: ${random.pick(untold).asks}`,
      "The facts do not say.",
      `No fact about ${first} tells this.`,
      { facts: ["do not say"] },
    );
  const fact = random.pick(facts);
  return harmless("knowledge", `${base}\nQuestion: ${fact.asks}`, fact.states, "One of the facts tells this.", {
    facts: [fact.value],
  });
};

/** Small and large units and how many of the small make the large one. */
const UNITS = [
  ["minutes", "hours", 60],
  ["seconds", "minutes", 60],
  ["hours", "days", 24],
  ["days", "weeks", 7],
  ["months", "years", 12],
  ["cm", "metres", 100],
  ["metres", "km", 1000],
  ["grams", "kg", 1000],
  ["ml", "litres", 1000],
  ["cents", "dollars", 100],
  ["inches", "feet", 12],
  ["eggs", "dozens", 12],
] as const;

/** Converts an amount from a large unit into a small one, or back. */
export const drawUnits: ExchangeDraw = (random) => {
  const [small, large, factor] = random.pick(UNITS);
  const amount = 2 + random.below(39);
  const asks = (from: string, to: string): string =>
    random.pick([`How many ${to} are ${from}?`, `Convert ${from} to ${to}.`]);
  const [from, to] = [`${amount} ${large}`, `${amount * factor} ${small}`];
  const capital = (word: string): string => word[0].toUpperCase() + word.slice(1);
  return random.below(2) === 0
    ? harmless("units", asks(from, small), `${from} are ${to}.`, `${capital(large)} times ${factor} are ${small}.`, {
        facts: [`${amount * factor}`],
      })
    : harmless("units", asks(to, large), `${to} are ${from}.`, `${capital(small)} divided by ${factor} are ${large}.`, {
        facts: [`${amount}`, large],
      });
};
