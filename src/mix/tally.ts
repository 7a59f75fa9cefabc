// Counts what members do for one answer, or for many. Knows no policy.
import type { RunningRequest } from "../inference/runtime/engine-handle.js";
import type { MemberWork } from "../inference/runtime/request.js";
import type { Member } from "./member.js";

type Counts = { -readonly [K in keyof MemberWork]: MemberWork[K] };

/** See the file's head. */
export class WorkTally {
  private readonly counts = new Map<string, Counts>();
  private readonly active = new Map<string, { count: number; sinceMs: number }>();

  /** Counts a completion when it has ended, cancelled ones included. */
  follow(member: Member, numPrompt: number, { result }: Pick<RunningRequest, "result">): void {
    this.begin(member.name);
    result.then(
      ({ ids, numPrefixHits }) => {
        this.end(member.name);
        const counts = this.of(member.name);
        counts.completions++;
        counts.promptTokens += numPrompt;
        counts.cachedTokens += numPrefixHits;
        counts.tokens += ids.length;
        counts.flops += member.flopsPerToken * (numPrompt - numPrefixHits + ids.length);
      },
      () => this.end(member.name), // told where it is waited for
    );
  }

  /** Counts a prompt that was read for its hidden state. */
  async reading<T>(member: Member, numPrompt: number, read: Promise<T>): Promise<T> {
    this.begin(member.name);
    try {
      return await read;
    } finally {
      this.end(member.name);
      const counts = this.of(member.name);
      counts.promptTokens += numPrompt;
      counts.flops += member.flopsPerToken * numPrompt;
    }
  }

  /** What was done so far, in the order in which members were first asked. */
  get works(): MemberWork[] {
    return [...this.counts.values()].map((counts) => ({ ...counts }));
  }

  private begin(name: string): void {
    this.of(name);
    const active = this.active.get(name) ?? { count: 0, sinceMs: 0 };
    if (active.count++ === 0) active.sinceMs = performance.now();
    this.active.set(name, active);
  }

  private end(name: string): void {
    const active = this.active.get(name);
    if (active && --active.count === 0) this.of(name).seconds += (performance.now() - active.sinceMs) / 1000;
  }

  private of(name: string): Counts {
    const known = this.counts.get(name);
    if (known) return known;
    const none = { member: name, completions: 0, promptTokens: 0, cachedTokens: 0, tokens: 0, flops: 0, seconds: 0 };
    this.counts.set(name, none);
    return none;
  }
}

/** The work of several answers together, member by member. */
export function totalWork(all: readonly (readonly MemberWork[])[]): MemberWork[] {
  const totals = new Map<string, Counts>();
  for (const work of all.flat()) {
    const total = totals.get(work.member);
    if (!total) totals.set(work.member, { ...work });
    else
      for (const key of ["completions", "promptTokens", "cachedTokens", "tokens", "flops", "seconds"] as const)
        total[key] += work[key];
  }
  return [...totals.values()];
}
