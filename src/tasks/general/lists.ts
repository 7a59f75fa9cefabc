// Instructions to name things of a kind, or to put words and numbers in order.
import { countWord, type ExchangeDraw, harmless, pickSome } from "./exchange.js";

const CATEGORIES: readonly (readonly [string, string])[] = [
  ["fruits", "apple pear cherry plum peach lemon orange melon grape fig banana apricot"],
  ["animals", "dog cat horse cow sheep goat lion tiger bear wolf fox rabbit"],
  ["birds", "owl eagle sparrow robin duck goose swan crow hawk parrot stork gull"],
  ["colours", "red blue green yellow black white brown purple pink grey gold silver"],
  ["vegetables", "carrot potato onion tomato bean pea cabbage leek spinach radish garlic pumpkin"],
  ["tools", "hammer saw drill axe file plane chisel wrench pliers spade rake shovel"],
  ["drinks", "water milk tea coffee juice cocoa lemonade cider soda wine beer broth"],
  ["trees", "oak birch pine maple elm ash beech cedar willow poplar spruce larch"],
  ["instruments", "piano violin flute drum guitar harp trumpet cello organ horn clarinet banjo"],
  ["sports", "tennis football rowing boxing golf hockey rugby cricket judo skiing fencing sailing"],
  ["clothes", "shirt coat hat scarf glove sock shoe dress skirt belt jacket sweater"],
  ["jobs", "baker teacher doctor farmer nurse pilot painter tailor judge carpenter plumber gardener"],
  ["rooms", "kitchen bedroom bathroom cellar attic hall study pantry garage nursery library studio"],
  ["days", "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"],
  ["months", "January February March April May June July August September October November December"],
];

/** Names some things of a kind, separated by commas or one a line; some that are not wanted may be named. */
export const drawList: ExchangeDraw = (random) => {
  const [category, words] = random.pick(CATEGORIES);
  const all = words.split(" ");
  const count = 2 + random.below(4);
  const layout = random.pick(["commas", "lines"] as const);
  const unwanted = random.below(2) === 0 ? pickSome(all, 1 + random.below(2), random) : [];
  const wanted = all.filter((word) => !unwanted.includes(word));
  const chosen = pickSome(wanted, count, random);
  const but = unwanted.length > 0 ? ` other than ${unwanted.join(" and ")}` : "";
  const how = layout === "lines" ? ", one on each line" : ", separated by commas";
  return harmless(
    "list",
    `${random.pick(["Name", "List", "Write down"])} ${countWord(count)} ${category}${but}${how}.`,
    chosen.join(layout === "lines" ? "\n" : ", "),
    `${countWord(count)[0].toUpperCase()}${countWord(count).slice(1)} ${category} are asked for. I name no more.`,
    { items: { count, layout, allowed: wanted, inOrder: false } },
  );
};

const WORDS = CATEGORIES.flatMap(([, words]) => words.split(" ")).filter((word) => word === word.toLowerCase());

/** Puts words from A to Z, or numbers by size. */
export const drawSort: ExchangeDraw = (random) => {
  const count = 3 + random.below(3);
  const isWords = random.below(2) === 0;
  const down = !isWords && random.below(2) === 0;
  const items = isWords
    ? pickSome([...new Set(WORDS)], count, random)
    : [...new Set(Array.from({ length: count }, () => 1 + random.below(99)))].map(String);
  const ordered = isWords
    ? [...items].sort()
    : [...items].sort((a, b) => (down ? Number(b) - Number(a) : Number(a) - Number(b)));
  const order = isWords ? "from A to Z" : down ? "from large to small" : "from small to large";
  return harmless(
    "sort",
    `${random.pick(["Sort", "Order"])} these ${isWords ? "words" : "numbers"} ${order}: ${items.join(", ")}.`,
    ordered.join(", "),
    `The first is ${ordered[0]} and the last is ${ordered[ordered.length - 1]}.`,
    { items: { count: ordered.length, layout: "commas", allowed: ordered, inOrder: true } },
  );
};
