// Instructions to say in one sentence what stands in a record: a person, a thing for sale, an event.
import { PEOPLE, THINGS } from "../word-problems/names-and-things.js";
import { type Exchange, type ExchangeDraw, harmless, withArticle } from "./exchange.js";

const SURNAMES = "Brown Hill Stone Wood Fisher Baker Lake Young King Field Marsh Green Ford Cook Bell Ross".split(" ");
/** What people are. */
export const JOBS = "baker teacher doctor farmer nurse pilot painter tailor artist engineer carpenter gardener".split(
  " ",
);
/** Made-up places. */
export const PLACES = "Arden Belmar Corvia Dunmore Elsing Farnow Galden Hestia Ilmen Jorvik Kelby Lorna".split(" ");
/** What people like. */
export const HOBBIES = "chess rowing cooking singing hiking fishing knitting painting dancing reading".split(" ");
/** Colours of things. */
export const COLOURS = "red blue green yellow black white brown orange".split(" ");
/** What takes place. */
export const EVENTS = "concert market play lecture fair exhibition".split(" ");
/** The days of the week. */
export const DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");
/** Where events take place. */
export const HALLS = ["town hall", "library", "old church", "school", "theatre", "park"];
const THOUGHT = "Every part of the record must be in the sentence. Nothing else may be.";

function summary(fields: Readonly<Record<string, string>>, ask: string, answer: string): Exchange {
  const record = Object.entries(fields).map(([key, value]) => `${key}: ${value}`);
  const prompt = `${ask}\n${record.join("\n")}`;
  return harmless("record", prompt, answer, THOUGHT, { facts: Object.values(fields) });
}

/** Draws a record and its summary. */
export const drawRecord: ExchangeDraw = (random) => {
  const ask = random.pick([
    "Summarise this record in one sentence.",
    "Say in one sentence what this record holds.",
    "Write one sentence about this record.",
  ]);
  const kind = random.pick(["person", "product", "event"] as const);
  if (kind === "person") {
    const name = `${random.pick(PEOPLE).name} ${random.pick(SURNAMES)}`;
    const age = `${18 + random.below(60)}`;
    const [job, city, hobby] = [random.pick(JOBS), random.pick(PLACES), random.pick(HOBBIES)];
    return summary(
      { Name: name, Age: age, Job: job, City: city, Hobby: hobby },
      ask,
      `${name} is ${withArticle(`${age}-year-old ${job}`)} from ${city} who likes ${hobby}.`,
    );
  }
  if (kind === "product") {
    const [product, colour] = [random.pick(THINGS).one, random.pick(COLOURS)];
    const [price, stock] = [`${2 + random.below(60)}`, `${2 + random.below(90)}`];
    return summary(
      { Product: product, Colour: colour, "Price in dollars": price, "In stock": stock },
      ask,
      `The ${colour} ${product} costs ${price} dollars, and ${stock} are in stock.`,
    );
  }
  const [event, day, hall] = [random.pick(EVENTS), random.pick(DAYS), random.pick(HALLS)];
  const [hour, seats] = [`${1 + random.below(11)}`, `${10 * (2 + random.below(30))}`];
  return summary(
    { Event: event, Day: day, Hour: hour, Place: hall, Seats: seats },
    ask,
    `The ${event} is on ${day} at ${hour} in the ${hall}, which has ${seats} seats.`,
  );
};
