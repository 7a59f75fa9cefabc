// mix.json as people write it: what is found, and one clear line for each thing that cannot be.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isMix, readMix } from "./mix-file.js";
import { refuseUnfitted } from "./policy.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-mix-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
for (const name of ["small", "large", "team"]) mkdirSync(join(folder, name));
writeFileSync(join(folder, "tiny.gguf"), "");

let count = 0;
function write(mix: unknown): string {
  const file = join(folder, `${count++}.mix.json`);
  writeFileSync(file, typeof mix === "string" ? mix : JSON.stringify(mix));
  return file;
}
const members = [{ model: "small" }, { name: "big", model: "large", temperature: 0.6 }];
const vote = { kind: "vote", samples: 4 };
writeFileSync(join(folder, "team", "mix.json"), JSON.stringify({ members: [{ model: "../small" }], policy: vote }));

test("members are found from the folder of the file and named after what they are", () => {
  const file = write({ members: [...members, { model: "tiny.gguf" }], policy: vote });
  expect(isMix(file)).toBe(true);
  expect(readMix(file)).toEqual({
    file,
    members: [
      { name: "small", path: join(folder, "small") },
      { name: "big", path: join(folder, "large"), temperature: 0.6 },
      { name: "tiny", path: join(folder, "tiny.gguf") },
    ],
    policy: { kind: "vote", samples: 4, round: null },
  });
});

test("a folder with mix.json is a mix, and a model's folder is none", () => {
  expect([isMix(join(folder, "team")), isMix(join(folder, "small")), isMix(join(folder, "none"))]).toEqual([
    true,
    false,
    false,
  ]);
  expect(readMix(join(folder, "team")).members).toEqual([{ name: "small", path: join(folder, "small") }]);
});

test.each([
  ["{", /expected a JSON file with members and policy, got: /],
  [{ members: [], policy: vote }, /option "members": /],
  [
    { members, policy: { kind: "vot" } },
    /unknown policy "vot", did you mean "vote"\?; expected vote, best-of, cascade, /,
  ],
  [{ members, policy: { kind: "vote", sample: 4 } }, /policy vote: unknown option "sample", did you mean "samples"\?/],
  [
    { members, policy: { kind: "best-of", judge: "me" } },
    /option "judge": expected rm:<directory of a reward model>, or /,
  ],
  [{ members: [{ model: "smal" }], policy: vote }, /member "smal": .*smal: no such directory; expected a run/],
  [{ members: [{ model: "small" }, { model: "small" }], policy: vote }, /two members are called "small"; give each a/],
  [{ members: [{ model: "team" }], policy: vote }, /member "team" is itself a mix; name the members of that mix here/],
  [
    { members, policy: { kind: "route", otherwise: "bug" } },
    /the policy names "bug", did you mean "big"\?, but the members are small, big/,
  ],
])("%j is refused in one line", (mix, message) => {
  const read = () => readMix(write(mix));
  expect(read).toThrow(message);
  expect(read).toThrow(/^[^\n]*$/);
});

test.each([
  [{ kind: "cascade" }, /this cascade has no thresholds yet; fit them on problems of a task: luciole mix fit /],
  [{ kind: "route" }, /this route has no router yet; fit one on problems of a task /],
  [
    { kind: "cascade", thresholds: [1, 2].map(() => ({ agreement: 1 })) },
    /the cascade has 2 thresholds for 2 members; expected one for each stage but the last, 1/,
  ],
])("%j is refused until it is fitted", (policy, message) => {
  expect(() => refuseUnfitted(readMix(write({ members, policy })))).toThrow(message);
});

test("a cascade of one member is refused", () => {
  const file = write({ members: [{ model: "small" }], policy: { kind: "cascade", thresholds: [] } });
  expect(() => refuseUnfitted(readMix(file))).toThrow(/a cascade needs at least two members, the smallest first/);
});
