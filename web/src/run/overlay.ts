// Charts of several runs laid over each other: each run has a colour, each curve of a chart a dash. Knows no drawing.
import type { Chart, ChartSeries } from "../../../src/report/charts.ts";
import type { DrawnChart } from "../../../src/report/plots.js";
import { runSections } from "../../../src/report/sections.ts";
import type { Values } from "../../../src/report/series.ts";
import { inWords } from "./report-words.ts";
import type { MetricsRecord } from "./run-records.ts";

/** Charts under one heading. */
export interface ChartGroup {
  readonly title: string;
  readonly lead: string;
  readonly charts: readonly DrawnChart[];
}

/** A run and what was read of it. */
export interface NamedRecords {
  readonly name: string;
  readonly records: readonly MetricsRecord[];
}

/** Colours of runs, in the order in which they are laid over each other. */
export const RUN_COLORS = ["accent", "blue", "amber", "rose", "violet", "teal"] as const;
const DASHES: readonly (number[] | undefined)[] = [undefined, [6, 4], [2, 3], [8, 3, 2, 3]];

/** The charts of a run, told in `words`; of several, those of each, joined by heading and name. */
export function chartGroups(runs: readonly NamedRecords[], words: Readonly<Record<string, string>> = {}): ChartGroup[] {
  const groups = runs.map(({ records }) => {
    const { rl, data } = runSections(records);
    return [...rl, ...data].filter(({ charts }) => charts.length > 0).map((section) => inWords(section, words));
  });
  if (runs.length === 1) return groups[0];
  const titles = [...new Set(groups.flat().map(({ title }) => title))];
  return titles.map((title) => {
    const sections = groups.map((all) => all.find((section) => section.title === title));
    const ids = [...new Set(sections.flatMap((section) => section?.charts.map(({ id }) => id) ?? []))];
    const lead = sections.find((section) => section !== undefined)?.lead ?? "";
    return {
      title,
      lead,
      charts: ids.map((id) =>
        laidOver(
          runs,
          sections.map((section) => chartOf(section, id)),
        ),
      ),
    };
  });
}

const chartOf = (section: { readonly charts: readonly (Chart & { group: string })[] } | undefined, id: string) =>
  section?.charts.find((chart) => chart.id === id);

function laidOver(
  runs: readonly NamedRecords[],
  charts: readonly ((Chart & { group: string }) | undefined)[],
): DrawnChart {
  const first = charts.find((chart) => chart !== undefined) as Chart & { group: string };
  const steps = [...new Set(charts.flatMap((chart) => chart?.steps ?? []))].sort((a, b) => a - b);
  const series = charts.flatMap((chart, run) =>
    chart === undefined ? [] : curvesOf(chart, steps, runs[run].name, RUN_COLORS[run % RUN_COLORS.length]),
  );
  return { ...first, steps, series };
}

/** The curves themselves, without the single steps behind a moving mean and without bands: there would be too many. */
function curvesOf({ steps: own, series }: Chart, steps: readonly number[], run: string, color: string) {
  const rowOf = new Map(own.map((step, row) => [step, row]));
  const aligned = (values: Values): Values => steps.map((step) => values[rowOf.get(step) ?? -1] ?? null);
  const curves = series.filter(({ faint }) => !faint);
  return curves.map(({ label, values, points, line }: ChartSeries, i) => ({
    label: curves.length > 1 ? `${run} · ${label}` : run,
    color,
    values: aligned(values),
    points,
    line,
    dash: DASHES[i % DASHES.length],
  }));
}
