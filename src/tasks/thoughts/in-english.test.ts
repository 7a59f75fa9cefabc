// Claims about saying symbols in English: it gives what the same thought is in English, and leaves the rest alone.
import { describe, expect, it } from "vitest";
import { Random } from "../../random.js";
import { createTask } from "../registry.js";
import { parseResponse } from "../response.js";
import { inEnglish } from "./in-english.js";
import { languageShares } from "./languages.js";
import { THINKING_TASKS, thinkAbout, thoughtOptions } from "./trace.js";

/** One thought in a language; the same index gives the same thought in every language. */
function thought(name: string, index: number, languages: object): string {
  const problem = createTask(name).generate(6, index, "train");
  const options = thoughtOptions({ languages, sloppyFormat: 0, corrected: 0.4, maxCharacters: 5000 });
  return parseResponse(thinkAbout(name, problem, new Random(index), options)?.text ?? "").think ?? "";
}

describe.each(THINKING_TASKS)("thoughts about %s", (name) => {
  it("in symbols, said in English, are the English ones but for the reasons that symbols leave out", () => {
    for (let index = 0; index < 100; index++) {
      const problem = createTask(name).generate(6, index, "train");
      const english = thought(name, index, { english: 1 });
      const withoutReasons = english.replace(/(?<=^|[.] )[A-Z][a-z][\w ]*: (?=-?\d)/g, "");
      const said = inEnglish(name, problem, thought(name, index, { symbols: 1 }));
      expect(said).toBe(withoutReasons);
      expect(inEnglish(name, problem, english)).toBe(english);
      const mixed = inEnglish(name, problem, thought(name, index, { mixed: 1 }));
      expect([mixed, languageShares(mixed).english]).toEqual([mixed, 1]);
    }
  });
});

describe("symbols in no known form", () => {
  it("stay as they are", () => {
    const problem = createTask("countdown").generate(0, 0, "train");
    for (const text of ["3+4=", "x+2=5;", "1+2=3", "B:A1 x;", ""])
      for (const name of THINKING_TASKS) expect(inEnglish(name, problem, text)).toBe(text);
    expect(inEnglish("knights-and-knaves", problem, "101: B=0,Z9=1;")).toBe("101: B=0,Z9=1;");
  });
});
