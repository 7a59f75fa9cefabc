// What the server tells of runs, and how it is followed while it grows. Knows no drawing.
import type { MetricsRecord, SampleRecord } from "../../../src/run/records.ts";
import type { RunEntry } from "../../../src/run/run-list.ts";
import { urlPath } from "../../../src/url-path.ts";
import { getJson } from "../page/api.ts";

export type { MetricsRecord, RunEntry, SampleRecord };

/** All runs, the newest first. */
export const allRuns = async (): Promise<RunEntry[]> => (await getJson<{ runs: RunEntry[] }>("/luciole/runs")).runs;

const pathOf = (name: string, what: string) => `/luciole/runs/${urlPath(name)}/${what}`;

interface Window {
  readonly records: readonly MetricsRecord[];
  readonly next: string;
  readonly restarts: boolean;
  readonly more: boolean;
}

/** The metrics of a run as far as they were read. */
export interface ReadMetrics {
  readonly records: readonly MetricsRecord[];
  readonly next: string;
}

/** With what has come since; the same object where nothing has. */
export async function readOn(name: string, known: ReadMetrics, signal: AbortSignal): Promise<ReadMetrics> {
  let read = known;
  for (;;) {
    const query = read.next ? `?from=${encodeURIComponent(read.next)}` : "";
    const { records, next, restarts, more } = await getJson<Window>(pathOf(name, `metrics${query}`), { signal });
    if (records.length > 0 || restarts) read = { records: restarts ? records : [...read.records, ...records], next };
    if (!more) return read;
  }
}

/** Samples, the newest first, and where earlier ones begin. */
export interface ReadSamples {
  readonly records: readonly SampleRecord[];
  readonly before: number | null;
}

/** The newest samples, or those before a place. */
export const samplesBefore = (name: string, before?: number): Promise<ReadSamples> =>
  getJson<ReadSamples>(pathOf(name, `samples${before === undefined ? "" : `?before=${before}`}`));

/** Each sample with a name that it keeps while others come: those of one moment are counted. */
export function named(records: readonly SampleRecord[]): [name: string, sample: SampleRecord][] {
  const counts = new Map<string, number>();
  return records.map((sample) => {
    const moment = `${sample.time} ${sample.step}`;
    const count = (counts.get(moment) ?? 0) + 1;
    counts.set(moment, count);
    return [`${moment} ${count}`, sample];
  });
}

/** The newest samples, followed by those that were known before and are older. */
export function withNewest(known: ReadSamples | undefined, newest: ReadSamples): ReadSamples {
  const oldest = named(newest.records).at(-1)?.[0];
  const names = named(known?.records ?? []).map(([name]) => name);
  const place = oldest === undefined ? -1 : names.indexOf(oldest);
  if (!known || place < 0) return newest;
  return { records: [...newest.records, ...known.records.slice(place + 1)], before: known.before };
}

/** Steps by which the pace is judged. */
const PACE_STEPS = 32;

/** Seconds that the stage of a run is likely to need still; undefined where that is not known. */
export function secondsLeft({ plan, state }: RunEntry, records: readonly MetricsRecord[]): number | undefined {
  if (state !== "running" || !plan) return undefined;
  const lines = records.filter(({ phase, stage }) => phase === plan.phase && stage === plan.stage).slice(-PACE_STEPS);
  const [first, last] = [lines[0], lines[lines.length - 1]];
  const seconds = (Date.parse(last?.time ?? "") - Date.parse(first?.time ?? "")) / 1000;
  const steps = (last?.step ?? 0) - (first?.step ?? 0);
  return steps > 0 && seconds > 0 ? (Math.max(0, plan.steps - last.step) * seconds) / steps : undefined;
}
