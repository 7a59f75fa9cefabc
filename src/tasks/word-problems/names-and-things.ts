// Names and things that stories are told with. Words only.

/** A person, with the pronouns that go with the name. */
export interface Person {
  readonly name: string;
  readonly they: "she" | "he";
  readonly their: "her" | "his";
}

const women = (
  "Mia Ann Lena Sara Nora Ella Ruth Zoe Ida Maya Clara Emma Lucy Rosa Vera Jana Lily Nina Olga Paula " +
  "Amina Leila Mei Yuki Priya Anita Carmen Elsa Greta Hanna Irene Julia Karin Laura Marta Naomi Petra Rita Sofia Tina"
).split(" ");
const men = (
  "Tom Ben Sam Max Leo Paul Omar Jack Finn Hugo Emil Oscar Adam Luis Ivan Karl Noah Theo Ali Hans " +
  "Ravi Kenji Chen Diego Marco Peter Simon Victor Walter Felix Georg David Erik Frank Henry Jonas Kofi Martin Niels Otto"
).split(" ");

/** People that stories are about. */
export const PEOPLE: readonly Person[] = [
  ...women.map((name): Person => ({ name, they: "she", their: "her" })),
  ...men.map((name): Person => ({ name, they: "he", their: "his" })),
];

/** A thing that can be bought, counted and given away. */
export interface Thing {
  readonly one: string;
  readonly many: string;
}

const irregular: Readonly<Record<string, string>> = {
  knife: "knives",
  brush: "brushes",
  box: "boxes",
  torch: "torches",
};

/** Things that stories are about. */
export const THINGS: readonly Thing[] = (
  "pen book apple pear cup stamp card marble ball plate candle shirt lamp pencil orange lemon melon ticket " +
  "notebook sticker button shell coin toy doll kite hat scarf glove sock ribbon bead spoon fork knife brush bowl basket " +
  "bottle postcard puzzle magnet ring towel pillow rose tulip plant cake muffin biscuit sandwich"
)
  .split(" ")
  .map((one) => ({ one, many: irregular[one] ?? (one.endsWith("ch") ? `${one}es` : `${one}s`) }));

/** `She`, `He`. */
export const capital = (word: string): string => word[0].toUpperCase() + word.slice(1);
