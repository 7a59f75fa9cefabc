// Rounds of several processes in turn. A peer that fails drops out, and the others go on. Knows nothing of what a round
// does.
import type { PeakMemory, Stepper, StepResult } from "./stepper.js";

/** One side's rounds. */
export interface Side {
  readonly rounds: readonly StepResult[];
  /** What `probe` gave just before and after each round, their mean. */
  readonly probes: readonly number[];
  readonly facts: Readonly<Record<string, number>>;
  readonly memory: PeakMemory;
}

/** A peer's rounds, or why it dropped out. */
export type PeerSide<Label extends string = string> = { readonly label: Label } & (
  | { readonly side: Side }
  | { readonly failure: string }
);

/** Rounds of all sides, in turn; peers in the order in which they were given. */
export interface Turns<Label extends string = string> {
  readonly ours: Side;
  readonly peers: readonly PeerSide<Label>[];
}

/** Something that is started and then takes rounds. */
type Starter = () => Promise<Stepper>;

/** A peer by its name. */
export interface PeerStarter<Label extends string = string> {
  readonly label: Label;
  readonly start: Starter;
}

class Contestant {
  readonly rounds: StepResult[] = [];
  readonly probes: number[] = [];
  private constructor(readonly stepper: Stepper) {}

  static async start(start: Starter): Promise<Contestant> {
    return new Contestant(await start());
  }
  async round(before: number, probe: () => number): Promise<number> {
    const result = await this.stepper.step();
    const after = probe();
    this.rounds.push(result);
    this.probes.push((before + after) / 2);
    return after;
  }
  async end(): Promise<Side> {
    return { rounds: this.rounds, probes: this.probes, facts: this.stepper.facts, memory: await this.stepper.end() };
  }
}

/** A peer, until it fails once: then it keeps the reason and is asked for nothing more. */
class Peer<Label extends string> {
  private contestant?: Contestant;
  private failure?: string;
  constructor(private readonly starter: PeerStarter<Label>) {}

  async start(): Promise<void> {
    await this.unlessFailed(async () => {
      this.contestant = await Contestant.start(this.starter.start);
    });
  }
  async ask<T>(action: (contestant: Contestant) => Promise<T>): Promise<T | undefined> {
    return this.unlessFailed(() => action(this.contestant as Contestant));
  }
  async end(): Promise<PeerSide<Label>> {
    const side = await this.ask((contestant) => contestant.end());
    return { label: this.starter.label, ...(side ? { side } : { failure: this.failure as string }) };
  }

  private async unlessFailed<T>(action: () => Promise<T>): Promise<T | undefined> {
    if (this.failure !== undefined) return undefined;
    try {
      return await action();
    } catch (error) {
      this.failure = (error as Error).message;
      return undefined;
    }
  }
}

/** Takes `numRounds` of ours and of each peer, in turn. A failure of ours is thrown; one of a peer's is reported. */
export async function takeTurns<Label extends string>(
  startOurs: Starter,
  starters: readonly PeerStarter<Label>[],
  numRounds: number,
  probe: () => number,
): Promise<Turns<Label>> {
  const ours = await Contestant.start(startOurs);
  const peers = starters.map((starter) => new Peer(starter));
  for (const peer of peers) await peer.start();
  await ours.stepper.warmUp();
  for (const peer of peers) await peer.ask(({ stepper }) => stepper.warmUp());
  for (let i = 0, before = probe(); i < numRounds; i++) {
    before = await ours.round(before, probe);
    for (const peer of peers) before = (await peer.ask((contestant) => contestant.round(before, probe))) ?? before;
  }
  const ourSide = await ours.end();
  const peerSides: PeerSide<Label>[] = [];
  for (const peer of peers) peerSides.push(await peer.end());
  return { ours: ourSide, peers: peerSides };
}
