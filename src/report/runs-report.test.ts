// The report of several runs: means and standard errors over runs, paired changes, and nothing of runs that do not
// belong together.
import { expect, test } from "vitest";
import type { MetricsRecord } from "../run/records.js";
import type { RunRecords } from "../run/run-directory.js";
import { renderRunsReport } from "./runs-report.js";

const line = (model: string, pass1: number, more: object = {}): MetricsRecord => ({
  ...{ phase: "eval", step: 1, model, pass1, pass1_stderr: 0.3, ...more },
});

function run(seed: number, metrics: MetricsRecord[], options: Record<string, unknown> = {}, verb = "r1"): RunRecords {
  const machine = { cpu: "A <CPU>", threads: 2, isa: "avx2", memoryBytes: 8e9, platform: "linux x64" };
  const config = {
    ...{ verb, seed, options: { rl: { steps: 5 }, ...options }, versions: {}, machine },
    startedAt: "2026-07-04T09:05:03.000Z",
  };
  return { path: `/runs/${verb}-${seed}`, config, metrics, samples: [] };
}

const rowsOf = (html: string): string[][] =>
  [...html.matchAll(/<tr[^>]*>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => cell.replaceAll(/<[^>]+>/g, "").trim()),
  );

test("stages are averaged over runs, changes run by run, and stages that a run lacks are left out", () => {
  const html = renderRunsReport([
    run(2, [line("base", 0.1, { refused: 0.5 }), line("cold", 0.2), line("all", 0.5, { refused: 1 })], { base: null }),
    run(0, [line("base", 0.3, { refused: 0.7 }), line("all", 0.7, { refused: 1 })], { base: "x" }),
  ]);
  expect(rowsOf(html)).toEqual(
    expect.arrayContaining([
      ["base", "", "20.0%± 10.0", ""],
      ["all", "", "60.0%± 10.0", "+40.0 pts± 0.0"],
      ["base", "20.0% ± 10.0", "60.0% ± 10.0"],
      ["all", "60.0% ± 10.0 +40.0", "100.0% ± 0.0 +40.0"],
      ["base", "null"],
      ["base", "x"],
      ["rl.steps", "5"],
    ]),
  );
  expect(html).toContain("<span>seeds 0, 2</span>");
  expect(html).toContain("A &lt;CPU&gt;");
  expect(html).not.toContain("cold");
});

test.each([
  ["another verb", run(1, [line("base", 0.1)], {}, "zero"), "expected runs of one verb: r1-0 is of r1, zero-1 of zero"],
  ["the same seed", run(0, [line("base", 0.1)]), "seed 0 comes twice"],
  ["no stage in common", run(1, [line("zero", 0.1)]), "found none (r1-0: 1, r1-1: 1)"],
])("runs that do not belong together are refused: %s", (_, other, message) => {
  expect(() => renderRunsReport([run(0, [line("base", 0.1)]), other])).toThrow(message);
});
