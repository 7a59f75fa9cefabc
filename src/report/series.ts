// Turns the lines of metrics.jsonl into curves fit to draw: aligned, thinned, smoothed.
// Pure arithmetic on arrays; knows nothing of pages or pixels.
import type { MetricsRecord, Phase } from "../run/records.js";

/** A value per step; null where a step has none, so that a gap is drawn as a gap. */
export type Values = (number | null)[];

/** Metrics of one phase, one column per metric, steps ascending. The last line of a step wins. */
export interface MetricsTable {
  steps: number[];
  columns: Map<string, Values>;
}

/** Most points a curve is drawn with; more are averaged in bins of equal width. */
const MAX_POINTS = 600;

/** Collects the numeric metrics of `phase`. Several lines of one step (a step and its validation, say) are merged. */
export function tabulate(records: readonly MetricsRecord[], phase: Phase): MetricsTable {
  const lines = records.filter((record) => record.phase === phase && Number.isFinite(record.step));
  const steps = [...new Set(lines.map((record) => record.step))].sort((a, b) => a - b);
  const rowOf = new Map(steps.map((step, row) => [step, row]));
  const columns = new Map<string, Values>();
  for (const { phase: _phase, step, time: _time, ...metrics } of lines) {
    for (const [name, value] of Object.entries(metrics)) {
      if (typeof value !== "number") continue;
      if (!columns.has(name)) columns.set(name, new Array(steps.length).fill(null));
      columns.get(name)![rowOf.get(step)!] = value;
    }
  }
  return { steps, columns };
}

/** Averages rows in bins so that at most `maxPoints` remain; a bin's step is its last. */
export function thin(table: MetricsTable, maxPoints = MAX_POINTS): MetricsTable {
  const binSize = Math.ceil(table.steps.length / maxPoints);
  if (binSize <= 1) return table;
  const bins = <T>(values: readonly T[]) =>
    Array.from({ length: Math.ceil(values.length / binSize) }, (_, bin) =>
      values.slice(bin * binSize, (bin + 1) * binSize),
    );
  return {
    steps: bins(table.steps).map((bin) => bin.at(-1)!),
    columns: new Map([...table.columns].map(([name, values]) => [name, bins(values).map(meanOfPresent)])),
  };
}

/** Mean over a centred window of `window` rows, shrinking at both ends. Rows without a value stay without. */
export function movingMean(values: Values, window: number): Values {
  const reach = Math.floor(window / 2);
  return values.map((value, row) =>
    value === null ? null : meanOfPresent(values.slice(Math.max(0, row - reach), row + reach + 1)),
  );
}

/** Window for smoothing a noisy curve of so many points: odd, and 1 (no smoothing) for short ones. */
export function smoothingWindow(numPoints: number): number {
  return numPoints < 20 ? 1 : Math.floor(numPoints / 60) * 2 + 3;
}

/** Load of every expert of one layer over time: `load[bin][expert]`, 1 = the even share. */
export interface ExpertLoad {
  layer: string;
  steps: number[];
  load: number[][];
}

/** The expert loads that `expert_load/<layer>` lines of a phase hold, in at most `maxBins` bins of steps. */
export function expertLoads(records: readonly MetricsRecord[], phase: Phase, maxBins = 160): ExpertLoad[] {
  const byLayer = new Map<string, { step: number; shares: readonly number[] }[]>();
  for (const record of records) {
    if (record.phase !== phase) continue;
    for (const [name, value] of Object.entries(record)) {
      if (!name.startsWith("expert_load/") || !Array.isArray(value) || value.length === 0) continue;
      const layer = name.slice("expert_load/".length);
      const rows = byLayer.get(layer) ?? [];
      rows.push({ step: record.step, shares: value });
      byLayer.set(layer, rows);
    }
  }
  const layers = [...byLayer].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  return layers.map(([layer, rows]) => ({ layer, ...binLoads(rows, maxBins) }));
}

function binLoads(
  rows: readonly { step: number; shares: readonly number[] }[],
  maxBins: number,
): { steps: number[]; load: number[][] } {
  const binSize = Math.ceil(rows.length / maxBins);
  const steps: number[] = [];
  const load: number[][] = [];
  for (let start = 0; start < rows.length; start += binSize) {
    const bin = rows.slice(start, start + binSize);
    const totals = bin[0].shares.map((_, expert) => bin.reduce((sum, row) => sum + (row.shares[expert] ?? 0), 0));
    const mean = totals.reduce((sum, total) => sum + total, 0) / totals.length;
    steps.push(bin.at(-1)!.step);
    load.push(totals.map((total) => (mean > 0 ? Number((total / mean).toFixed(3)) : 1)));
  }
  return { steps, load };
}

function meanOfPresent(values: Values): number | null {
  const present = values.filter((value) => value !== null);
  return present.length === 0 ? null : present.reduce((sum, value) => sum + value, 0) / present.length;
}
