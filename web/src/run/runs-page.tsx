// Runs as they go on: a list, the curves of the one that is chosen and of those laid over it, its samples.
import "uplot/dist/uPlot.min.css";
import "../styles/runs.css";
import { useEffect, useMemo, useState } from "preact/hooks";
import { runSections } from "../../../src/report/sections.ts";
import { Failure } from "../page/failure.tsx";
import { useRepeated } from "../page/use-repeated.ts";
import { useNumbers, useWords } from "../words/index.ts";
import { ChartView } from "./chart-view.tsx";
import { HeatView } from "./heat-view.tsx";
import { chartGroups, type NamedRecords } from "./overlay.ts";
import { useChosen } from "./run-address.ts";
import { RunList } from "./run-list.tsx";
import { allRuns, type ReadMetrics, type RunEntry, readOn, secondsLeft } from "./run-records.ts";
import { SamplesTable } from "./samples-table.tsx";

/** How often the server is asked for news. */
const LIST_MS = 3_000;
const METRICS_MS = 2_000;

/** Draws the page that the address names: `/runs/<name>?with=<others>`. */
export function RunsPage() {
  const { runs: words } = useWords();
  const { chosen, over } = useChosen();
  const [runs, setRuns] = useState<readonly RunEntry[]>();
  const [error, setError] = useState<Error>();
  useRepeated(LIST_MS, [], async () => {
    try {
      setRuns(await allRuns());
      setError(undefined);
    } catch (reason) {
      setError(reason as Error);
    }
  });
  if (!runs) return error ? <Failure error={error} onRetry={() => location.reload()} /> : null;
  if (runs.length === 0)
    return (
      <div class="failure">
        <h1>{words.none}</h1>
        <p class="quiet">{words.noneNote}</p>
      </div>
    );
  const entry = runs.find(({ name }) => name === (chosen ?? runs[0].name));
  return (
    <div class="runs">
      <RunList runs={runs} chosen={entry?.name} over={over} />
      <section class="run">
        {error && (
          <p class="ending wrong" role="alert">
            {error.message}
          </p>
        )}
        {entry ? (
          <RunView key={entry.name} entry={entry} over={over} />
        ) : (
          <p class="quiet">{words.gone(chosen ?? "")}</p>
        )}
      </section>
    </div>
  );
}

/** The metrics of runs, followed as they grow. */
function useMetrics(names: readonly string[]): {
  readonly read: ReadonlyMap<string, ReadMetrics>;
  readonly error?: Error;
} {
  const [read, setRead] = useState<ReadonlyMap<string, ReadMetrics>>(new Map());
  const [error, setError] = useState<Error>();
  useRepeated(METRICS_MS, [names.join("\n")], async (signal) => {
    try {
      const news = await Promise.all(
        names.map(async (name) => {
          const known = read.get(name) ?? { records: [], next: "" };
          return [name, await readOn(name, known, signal)] as const;
        }),
      );
      setError(undefined);
      if (news.some(([name, metrics]) => read.get(name) !== metrics)) setRead(new Map(news));
    } catch (reason) {
      if (!signal.aborted) setError(reason as Error);
    }
  });
  return { read, error };
}

function RunView({ entry, over }: { readonly entry: RunEntry; readonly over: readonly string[] }) {
  const { runs: words } = useWords();
  const { read, error } = useMetrics([entry.name, ...over]);
  const shown: NamedRecords[] = [entry.name, ...over].flatMap((name) => {
    const records = read.get(name)?.records;
    return records ? [{ name, records }] : [];
  });
  const groups = useMemo(() => (shown.length > 0 ? chartGroups(shown, words.ofReport) : []), [read, over, words]);
  const own = read.get(entry.name);
  const heats = useMemo(() => (own ? runSections(own.records).heats : []), [own]);
  return (
    <>
      <RunHead entry={entry} metrics={own} />
      {(error ?? entry.problem) && (
        <p class="ending wrong" role="alert">
          {error?.message ?? entry.problem}
        </p>
      )}
      {!own && !error && !entry.problem && <p class="quiet">{words.loading}</p>}
      {own && groups.length === 0 && <p class="quiet">{words.empty}</p>}
      {groups.map(({ title, lead, charts }) => (
        <section key={title}>
          <h2>{title}</h2>
          <p class="quiet">{lead}</p>
          <div class="charts">
            {charts.map((chart, i) => (
              <ChartView key={chart.id} chart={chart} isWide={i === 0 && charts.length % 2 === 1} />
            ))}
          </div>
        </section>
      ))}
      {heats.length > 0 && (
        <section>
          <h2>{words.experts}</h2>
          <p class="quiet">{words.expertsLead}</p>
          <div class="heats">
            {heats.map((layer) => (
              <HeatView key={layer.layer} layer={layer} />
            ))}
          </div>
          <p class="scale quiet">
            {words.even}
            <i />
            {words.double}
          </p>
        </section>
      )}
      {own && (
        <section>
          <h2>{words.samples}</h2>
          <p class="quiet">{words.samplesLead}</p>
          <SamplesTable name={entry.name} version={own} />
        </section>
      )}
    </>
  );
}

function RunHead({ entry, metrics }: { readonly entry: RunEntry; readonly metrics: ReadMetrics | undefined }) {
  const { runs: words } = useWords();
  const { whole, duration, time } = useNumbers();
  const { name, verb, seed, state, phase, stage, step, plan, startedAt, updatedAt } = entry;
  const isPlanned = plan !== undefined && plan.phase === phase && plan.stage === stage;
  const left = secondsLeft(entry, metrics?.records ?? []);
  const facts = [
    verb && `luciole ${verb}`,
    seed !== undefined && `${words.seed} ${seed}`,
    startedAt && `${words.started} ${time(startedAt)}`,
    updatedAt && `${words.updated} ${time(updatedAt)}`,
  ].filter(Boolean);
  useEffect(() => {
    document.title = `${name} · Luciole`;
  }, [name]);
  return (
    <header class="run-head">
      <h1>{name}</h1>
      <p class="quiet">{facts.join(" · ")}</p>
      {state && (
        <p class="run-state">
          <span class={`state ${state}`}>{words.states[state]}</span>
          {phase && <span>{stage ?? phase}</span>}
          {step !== undefined && (
            <span>
              {words.step} {whole(step)} {isPlanned && words.of(whole(plan.steps))}
            </span>
          )}
          {left !== undefined && <span>{words.left(duration(left))}</span>}
        </p>
      )}
      {isPlanned && state === "running" && step !== undefined && (
        <progress value={step} max={plan.steps} aria-label={words.step} />
      )}
    </header>
  );
}
