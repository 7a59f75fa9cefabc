// Lookup drafts: what follows is what followed last time, and how much is drafted follows what came true.
import { expect, test } from "vitest";
import { LookupDrafter } from "./drafting.js";

const OPTIONS = { maxNgram: 3, minNgram: 2, maxDrafts: 4 };
const draft = (ids: readonly number[], limit = 9) =>
  new LookupDrafter(OPTIONS).draft(Int32Array.from(ids), ids.length, limit);

test("the longest run seen before decides, at its last occurrence", () => {
  expect(draft([1, 2, 3, 10, 9, 2, 3, 20, 1, 2, 3])).toEqual([10, 9, 2, 3]);
  expect(draft([2, 3, 10, 5, 2, 3, 20, 7, 2, 3])).toEqual([20, 7, 2, 3]);
});
test("without a run seen before, or room for it, nothing is drafted", () => {
  expect(draft([1, 2, 3, 4, 5])).toEqual([]);
  expect(draft([1, 2, 1, 2], 0)).toEqual([]);
  expect(draft([1])).toEqual([]);
});
test("the number drafted shrinks to one more than came true, and doubles when all did", () => {
  const tokens = Int32Array.from({ length: 40 }, (_, i) => i % 10);
  const drafter = new LookupDrafter(OPTIONS);
  const lengths = [0, 1, 2].map((accepted, i) => {
    const drafted = drafter.draft(tokens, 20 + i, 9).length;
    drafter.learn(drafted, accepted);
    return drafted;
  });
  expect([...lengths, drafter.draft(tokens, 30, 9).length]).toEqual([4, 1, 2, 4]);
});
