// How the server stands: its models, memory, load and cache, and what it does now.
import "../styles/server.css";
import { useState } from "preact/hooks";
import type { EngineStats } from "../../../src/inference/runtime/engine-handle.ts";
import { getJson } from "../page/api.ts";
import { Failure } from "../page/failure.tsx";
import { useRepeated } from "../page/use-repeated.ts";
import { useNumbers, useWords } from "../words/index.ts";

interface ModelStatus {
  readonly name: string;
  readonly state: "loaded" | "loading" | "unloaded" | "failed";
  readonly active: number;
  readonly plannedBytes?: number;
  readonly maxContext?: number;
  readonly failure?: string;
  readonly stats: EngineStats | null;
}

interface Status {
  readonly startedAt: number;
  readonly process: { readonly memoryBytes: number };
  readonly machine: {
    readonly memoryBytes: number;
    readonly freeBytes: number;
    readonly load: number;
    readonly cores: number;
  };
  readonly requests: { readonly good: number; readonly refused: number; readonly failed: number };
  readonly models: readonly ModelStatus[];
}

const EVERY_MS = 1_500;

/** Draws the page, and again as things change. */
export function ServerPage() {
  const { server: words } = useWords();
  const { duration } = useNumbers();
  const [status, setStatus] = useState<Status>();
  const [error, setError] = useState<Error>();
  const ask = async () => {
    try {
      setStatus(await getJson<Status>("/luciole/status"));
      setError(undefined);
    } catch (reason) {
      setError(reason as Error);
    }
  };
  useRepeated(EVERY_MS, [], ask);
  if (error) return <Failure error={error} onRetry={() => void ask()} />;
  if (!status) return null;
  return (
    <div class="status">
      <header>
        <h1>{words.title}</h1>
        <p class="quiet">{words.up(duration((Date.now() - status.startedAt) / 1000))}</p>
      </header>
      <Tiles status={status} />
      <h2>{words.models}</h2>
      <div class="model-cards">
        {status.models.map((model) => (
          <ModelCard key={model.name} model={model} />
        ))}
      </div>
    </div>
  );
}

function Tiles({ status: { process, machine, requests, models } }: { readonly status: Status }) {
  const { server: words } = useWords();
  const { memory, number, whole } = useNumbers();
  const sum = (of: (model: ModelStatus) => number) => models.reduce((total, model) => total + of(model), 0);
  return (
    <dl class="tiles">
      <Tile name={words.now} value={whole(sum(({ active }) => active))} />
      <Tile
        name={words.perSecond}
        value={number(sum(({ stats }) => (stats && stats.running > 0 ? stats.tokensPerSecond : 0)))}
      />
      <Tile name={words.generated} value={whole(sum(({ stats }) => stats?.generatedTokens ?? 0))} />
      <Tile
        name={words.requests}
        value={whole(requests.good + requests.refused + requests.failed)}
        note={words.notGood(whole(requests.refused), whole(requests.failed))}
      />
      <Tile name={words.process} value={memory(process.memoryBytes)} />
      <Tile
        name={words.machine}
        value={memory(machine.memoryBytes)}
        note={words.machineNote(memory(machine.freeBytes), number(machine.load), machine.cores)}
      />
    </dl>
  );
}

function Tile({ name, value, note }: { readonly name: string; readonly value: string; readonly note?: string }) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>{value}</dd>
      {note && <dd class="note">{note}</dd>}
    </div>
  );
}

function ModelCard({ model }: { readonly model: ModelStatus }) {
  const { server: words } = useWords();
  const { memory, number, whole, percent } = useNumbers();
  const { name, state, plannedBytes, maxContext, failure, stats } = model;
  const share = (part: number, all: number) => (all > 0 ? percent(part / all) : "–");
  const figures: (readonly [string, string])[] = [
    ...(plannedBytes !== undefined ? [[words.memory, memory(plannedBytes)] as const] : []),
    ...(maxContext !== undefined ? [[words.context, whole(maxContext)] as const] : []),
    ...(stats
      ? ([
          [words.running, whole(stats.running)],
          [words.waiting, whole(stats.waiting)],
          [words.speed, number(stats.tokensPerSecond)],
          [words.prefix, share(stats.prefixHitTokens, stats.promptTokens)],
          [words.drafts, share(stats.accepted, stats.drafted)],
          [words.preemptions, whole(stats.preemptions)],
        ] as const)
      : []),
  ];
  return (
    <article class="model-card">
      <header>
        <h3>{name}</h3>
        <span class={`state ${state}`}>{words.states[state]}</span>
      </header>
      {failure && <p class="ending wrong">{failure}</p>}
      {stats && (
        <div class="cache">
          <span>
            {words.cache} {share(stats.blocksUsed, stats.numBlocks)}
          </span>
          <progress value={stats.blocksUsed} max={stats.numBlocks} aria-label={words.cache} />
        </div>
      )}
      {figures.length > 0 && (
        <dl>
          {figures.map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </article>
  );
}
