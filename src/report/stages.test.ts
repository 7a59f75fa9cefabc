// The table of stages: every full evaluation is a row, with its change since the row above it.
import { expect, test } from "vitest";
import type { MetricsRecord } from "../run/records.js";
import { renderStages } from "./stages.js";

const line = (model: string | undefined, pass1: number, more: object = {}): MetricsRecord => ({
  ...{ phase: "eval", step: 1, pass1, pass1_stderr: 0.01, ...more },
  ...(model !== undefined && { model }),
});

const rowsOf = (html: string): string[][] =>
  [...html.matchAll(/<tr[^>]*>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => cell.replaceAll(/<[^>]+>/g, "")),
  );

test("each stage stands beside the one before", () => {
  const html = renderStages([
    line("base", 0.1, { "pass1/countdown": 0.2, one_language: 0.5 }),
    line(undefined, 0.9),
    line("zero", 0.3, { "pass1/countdown": 0.15, one_language: 0.75, refused: 1 }),
    line("<all>", 0.3, { "pass1/countdown": 0.15, refused: 0.5 }),
  ]);
  expect(rowsOf(html)).toEqual([
    ["Stage", "pass@1", "one language", "harmful refused"],
    ["base", "10.0% ± 1.0", "50.0%", "–"],
    ["zero", "30.0% ± 1.0 +20.0", "75.0% +25.0", "100.0%"],
    ["&lt;all&gt;", "30.0% ± 1.0 +0.0", "–", "50.0% −50.0"],
    ["Stage", "countdown"],
    ["base", "20.0%"],
    ["zero", "15.0% −5.0"],
    ["&lt;all&gt;", "15.0% +0.0"],
  ]);
});

test("a run with a base and a final model has no such table", () => {
  expect(renderStages([line("base", 0.1), line("final", 0.2), line(undefined, 0.3)])).toBe("");
});
