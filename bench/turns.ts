// Rounds of several processes in turn. A peer that fails drops out, and the others go on. Knows nothing of what a round does.
import type { PeakMemory, Stepper, StepResult } from "./stepper.js";

/** One side's rounds. */
export interface Side {
  readonly rounds: readonly StepResult[];
  /** What `probe` gave just before and after each round, their mean. */
  readonly probes: readonly number[];
  readonly facts: Readonly<Record<string, number>>;
  readonly memory: PeakMemory;
}

/** Rounds of both sides, in turn; a peer that dropped out has its reason instead. */
export interface Turns {
  readonly ours: Side;
  readonly peer?: Side;
  readonly peerFailure?: string;
}

/** Something that is started and then takes rounds. */
type Starter = () => Promise<Stepper>;

class Contestant {
  readonly rounds: StepResult[] = [];
  readonly probes: number[] = [];
  constructor(readonly stepper: Stepper) {}

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

/** Takes `numRounds` of ours and, where there is one, of the peer's. A failure of ours is thrown; one of the peer's is reported. */
export async function takeTurns(startOurs: Starter, startPeer: Starter | undefined, numRounds: number, probe: () => number): Promise<Turns> {
  let peerFailure: string | undefined;
  /** What a peer does, until it fails once. */
  const unlessFailed = async <T>(action: () => Promise<T>): Promise<T | undefined> => {
    if (peerFailure !== undefined) return undefined;
    try {
      return await action();
    } catch (error) {
      peerFailure = (error as Error).message;
      return undefined;
    }
  };
  const ours = new Contestant(await startOurs());
  const peer = startPeer && (await unlessFailed(async () => new Contestant(await startPeer())));
  await ours.stepper.warmUp();
  if (peer) await unlessFailed(() => peer.stepper.warmUp());
  for (let i = 0, before = probe(); i < numRounds; i++) {
    before = await ours.round(before, probe);
    if (peer) before = (await unlessFailed(() => peer.round(before, probe))) ?? before;
  }
  const ourSide = await ours.end();
  const peerSide = peer && (await unlessFailed(() => peer.end()));
  return { ours: ourSide, peer: peerSide, peerFailure };
}
