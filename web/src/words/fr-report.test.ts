// The French of the charts is complete: every text of the report's own files has one.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ofReport } from "./fr-report.ts";

test.each(["charts", "sections"])("every text of src/report/%s.ts", (name) => {
  const source = readFileSync(new URL(`../../../src/report/${name}.ts`, import.meta.url), "utf8");
  const texts = [...source.matchAll(/\b(?:title|note|lead|label): "([^"]+)"/g)].map(([, text]) => text);
  expect(texts.length).toBeGreaterThan(8);
  expect(texts.filter((text) => !(text in ofReport))).toEqual([]);
});
