// Instructions to rewrite a sentence: in capital letters, politely, in the past, about somebody else.
import { PEOPLE } from "../word-problems/names-and-things.js";
import { type ExchangeDraw, harmless, pickSome } from "./exchange.js";

/** Regular verbs with what they take: base form, third person, past. */
const DOINGS = [
  ["open", "opens", "opened", "the window|the door|the box|the letter|the gate|the shop|the bottle|the drawer"],
  ["clean", "cleans", "cleaned", "the kitchen|the table|the car|the stairs|the floor|the bicycle|the shed|the lamp"],
  ["paint", "paints", "painted", "the fence|the wall|the boat|the chair|the door|the house|the bench|the shelf"],
  [
    "visit",
    "visits",
    "visited",
    "the museum|the market|the castle|the library|the farm|the harbour|the school|the zoo",
  ],
  ["repair", "repairs", "repaired", "the radio|the roof|the clock|the bicycle|the fence|the lamp|the pump|the chair"],
  ["carry", "carries", "carried", "the basket|the ladder|the chair|the suitcase|the bags|the books|the water|the wood"],
  ["cook", "cooks", "cooked", "the soup|the rice|the beans|the fish|the eggs|the pasta|the dinner|the potatoes"],
  [
    "water",
    "waters",
    "watered",
    "the roses|the garden|the plants|the lawn|the tomatoes|the trees|the flowers|the beans",
  ],
  ["move", "moves", "moved", "the sofa|the table|the boxes|the piano|the bed|the plants|the desk|the stones"],
] as const;
const WHEN = ["in the morning", "after lunch", "before dinner", "in the evening", "on Monday", "on Friday", "at noon"];

/** Draws one of the four kinds of rewriting. */
export const drawRewrite: ExchangeDraw = (random) => {
  const [base, does, did, objects] = random.pick(DOINGS);
  const [object, when] = [random.pick(objects.split("|")), random.pick(WHEN)];
  const [person, other] = pickSome(PEOPLE, 2, random);
  const sentence = `${person.name} ${does} ${object} ${when}.`;
  const task = random.pick(["capitals", "polite", "past", "person"] as const);
  const exact = (prompt: string, answer: string, thought: string) =>
    harmless("rewrite", prompt, answer, thought, { exact: answer });
  if (task === "capitals")
    return exact(
      `${random.pick(["Write this in capital letters", "Put this into capital letters"])}: ${sentence}`,
      sentence.toUpperCase(),
      "The sentence stays the same. Only the letters become large.",
    );
  if (task === "past")
    return exact(
      `${random.pick(["Put this into the past", "Write this in the past"])}: ${sentence}`,
      `${person.name} ${did} ${object} ${when}.`,
      `The verb is ${does}. Its past is ${did}.`,
    );
  if (task === "person")
    return exact(
      `Write this about ${other.name} instead of ${person.name}: ${sentence}`,
      `${other.name} ${does} ${object} ${when}.`,
      `The name changes to ${other.name}. The rest stays.`,
    );
  const request = `${base[0].toUpperCase()}${base.slice(1)} ${object} ${when}.`;
  return exact(
    `${random.pick(["Make this request polite", "Say this politely"])}: ${request}`,
    `Could you please ${base} ${object} ${when}?`,
    "A polite request is a question with please.",
  );
};
