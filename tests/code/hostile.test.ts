// Hostile programs end within their limits, reach nothing, and are refused; and the next program is served.
import { existsSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { gradeProgram, type ProgramLanguage, type ProgramVerdict } from "../../src/tasks/index.js";
import { ADDING, FORBIDDEN_FILE, HOSTILE_PROGRAMS, type HostileProgram } from "./hostile-programs.js";

const LIMITS = { timeoutSeconds: 0.5, memoryMb: 128, outputKb: 64 };
/** What a test may take by the clock: four times its limit, and what stopping it takes. */
const MOST_MS = 4 * 500 + 2500;

const HONEST: Record<ProgramLanguage, Record<HostileProgram["test"], string>> = {
  python: {
    output: "a, b = map(int, input().split())\nprint(a + b)",
    ...{ call: "def add(a, b): return a + b", check: "def add(a, b): return a + b" },
  },
  javascript: {
    output: "const [a, b] = readline().split(' ').map(Number); console.log(a + b)",
    ...{ call: "const add = (a, b) => a + b", check: "const add = (a, b) => a + b" },
  },
};

const grade = (language: ProgramLanguage, test: HostileProgram["test"], program: string): Promise<ProgramVerdict> =>
  gradeProgram({ language, program, tests: [ADDING[test === "check" ? language : test]], limits: LIMITS });

describe.each(["python", "javascript"] as const)("%s", (language) => {
  const programs = HOSTILE_PROGRAMS.filter((each) => each.language === language);
  const verdicts = new Map<HostileProgram, Promise<ProgramVerdict>>();
  const verdictOn = (hostile: HostileProgram) => {
    // All at once, so on all cores.
    for (const each of programs) if (!verdicts.has(each)) verdicts.set(each, grade(language, each.test, each.program));
    return verdicts.get(hostile)!;
  };

  it.each(programs.map((each) => [each.name, each] as const))("%s is refused within its limits", async (_, hostile) => {
    const { isRight, tests } = await verdictOn(hostile);
    expect(isRight).toBe(false);
    expect(tests[0].milliseconds).toBeLessThan(MOST_MS);
  });

  it("honest programs are right afterwards, in the processes that the hostile ones ran in", async () => {
    for (const test of ["output", "call", "check", "output"] as const)
      expect(await grade(language, test, HONEST[language][test])).toMatchObject({ isRight: true });
  });
});

afterAll(() => expect(existsSync(FORBIDDEN_FILE)).toBe(false));
