// Counts and times of a server, in Prometheus' format. Knows no model and no request, only their names.
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EngineStats, MemberWork } from "../inference/index.js";
import type { ModelStatus } from "./models/model-pool.js";

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const TOKEN_SECONDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];

/**
 * Gauges of an engine, which is one for a base and all adapters over it: name, help, and the figure. The cache and the
 * places in a batch are the engine's, whoever's sequences are in them.
 */
const ENGINE_GAUGES: readonly (readonly [name: string, help: string, of: (stats: EngineStats) => number])[] = [
  ["luciole_requests_running", "Sequences that run", (stats) => stats.running],
  ["luciole_requests_waiting", "Sequences that wait for a place", (stats) => stats.waiting],
  ["luciole_cache_blocks_used", "Cache blocks in use", (stats) => stats.blocksUsed],
  ["luciole_cache_blocks", "Cache blocks in all", (stats) => stats.numBlocks],
  ["luciole_tokens_per_second", "New tokens a second, lately", (stats) => stats.tokensPerSecond],
  ["luciole_preemptions", "Sequences that gave up their blocks for others", (stats) => stats.preemptions],
  ["luciole_drafted_tokens", "Tokens drafted since loading", (stats) => stats.drafted],
  ["luciole_accepted_tokens", "Drafted tokens that came true", (stats) => stats.accepted],
];

/** What a completion took. */
export interface CompletionFigures {
  readonly promptTokens: number;
  /** Prompt tokens that the prefix cache spared. */
  readonly prefixHitTokens: number;
  readonly generatedTokens: number;
  readonly secondsAfterFirst: number;
}

/** The figures of one server. */
export class ServerMetrics {
  readonly registry = new Registry();
  private readonly requests = this.counter("luciole_http_requests", "Requests answered", ["path", "status"]);
  private readonly finished = this.counter("luciole_completions", "Completions, by how they ended", [
    "model",
    "reason",
  ]);
  private readonly refused = this.counter("luciole_requests_refused", "Requests refused for a full queue", ["model"]);
  private readonly tokens = {
    prompt: this.counter("luciole_prompt_tokens", "Prompt tokens of completions that ended", ["model"]),
    hits: this.counter("luciole_prefix_hit_tokens", "Of these, those that the prefix cache spared", ["model"]),
    generated: this.counter("luciole_generated_tokens", "Tokens of completions that ended", ["model"]),
  };
  private readonly members = {
    tokens: this.counter("luciole_member_generated_tokens", "Tokens that members of a mix made", ["model", "member"]),
    flops: this.counter("luciole_member_flops", "FLOPs of members of a mix, two a parameter and token", [
      "model",
      "member",
    ]),
    seconds: this.counter("luciole_member_seconds", "Seconds in which members of a mix were at work", [
      "model",
      "member",
    ]),
  };
  private readonly firstToken = this.histogram(
    "luciole_time_to_first_token_seconds",
    "From the request to its first token",
    SECONDS,
  );
  private readonly perToken = this.histogram(
    "luciole_time_per_token_seconds",
    "Between tokens, the first one left out",
    TOKEN_SECONDS,
  );
  private readonly gauges = ENGINE_GAUGES.map(([name, help, of]) => ({
    gauge: this.gauge(name, `${help}, of a whole engine: by the name of the first of its models`),
    of,
  }));
  private readonly active = this.gauge("luciole_requests_active", "Sequences of a model that run or wait");

  noteRequest(path: string, status: number): void {
    this.requests.inc({ path, status: String(status) });
  }
  noteRefused(model: string): void {
    this.refused.inc({ model });
  }
  noteFirstToken(model: string, seconds: number): void {
    this.firstToken.observe({ model }, seconds);
  }
  noteFinished(model: string, reason: string, figures: CompletionFigures): void {
    const { promptTokens, prefixHitTokens, generatedTokens, secondsAfterFirst } = figures;
    this.finished.inc({ model, reason });
    this.tokens.prompt.inc({ model }, promptTokens);
    this.tokens.hits.inc({ model }, prefixHitTokens);
    this.tokens.generated.inc({ model }, generatedTokens);
    if (generatedTokens > 1) this.perToken.observe({ model }, secondsAfterFirst / (generatedTokens - 1));
  }
  /** What the members of a mix did for a completion. */
  noteMembers(model: string, members: readonly MemberWork[]): void {
    for (const { member, tokens, flops, seconds } of members) {
      this.members.tokens.inc({ model, member }, tokens);
      this.members.flops.inc({ model, member }, flops);
      this.members.seconds.inc({ model, member }, seconds);
    }
  }
  noteFailed(model: string): void {
    this.finished.inc({ model, reason: "failed" });
  }

  /** All figures as text, those of engines and models as of now. */
  async text(engines: ReadonlyMap<string, EngineStats>, models: readonly ModelStatus[]): Promise<string> {
    for (const { name, active } of models) this.active.set({ model: name }, active);
    for (const { gauge, of } of this.gauges) {
      gauge.reset();
      for (const [model, stats] of engines) gauge.set({ model }, of(stats));
    }
    return this.registry.metrics();
  }

  /** How many requests were answered since the start, by whether that went well. */
  async answered(): Promise<{ readonly good: number; readonly refused: number; readonly failed: number }> {
    const { values } = await this.requests.get();
    const sum = (from: number, to: number) =>
      values
        .filter(({ labels }) => Number(labels.status) >= from && Number(labels.status) < to)
        .reduce((total, { value }) => total + value, 0);
    return { good: sum(100, 400), refused: sum(400, 500), failed: sum(500, 600) };
  }

  private counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name: `${name}_total`, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  private gauge(name: string, help: string): Gauge<"model"> {
    return new Gauge({ name, help, labelNames: ["model"], registers: [this.registry] });
  }

  private histogram(name: string, help: string, buckets: readonly number[]): Histogram<"model"> {
    return new Histogram({ name, help, buckets: [...buckets], labelNames: ["model"], registers: [this.registry] });
  }
}
