// Which language a text is in, among those that IFEval asks for. Told by franc, from trigrams of letters.
import { franc } from "franc";

/** The languages by the codes of the data set (ISO 639-1), with those of franc (ISO 639-3). */
const LANGUAGES: Readonly<Record<string, string>> = {
  ...{ ar: "arb", bg: "bul", bn: "ben", de: "deu", en: "eng", es: "spa", fa: "pes", fi: "fin", fr: "fra", gu: "guj" },
  ...{ he: "heb", hi: "hin", it: "ita", ja: "jpn", kn: "kan", ko: "kor", ml: "mal", mr: "mar", ne: "npi", pa: "pan" },
  ...{ pl: "pol", pt: "por", ru: "rus", sw: "swh", ta: "tam", te: "tel", th: "tha", uk: "ukr", ur: "urd", vi: "vie" },
};

/** Whether a text is in a language; a text too short to tell counts as in any, as in the original. */
export function isLanguage(text: string, code: string): boolean {
  const found = franc(text, { only: Object.values(LANGUAGES) });
  return found === "und" || found === (LANGUAGES[code] ?? code);
}
