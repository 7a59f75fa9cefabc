// The processor time of each stage of a run, over all the times that the run went on. What a killed process did since
// its stage began is not counted.
import { join } from "node:path";
import { JsonLinesWriter, readJsonLines } from "../../src/run/json-lines.js";

interface StageTime {
  readonly stage: string;
  readonly cpuSeconds: number;
}

/** See the file's head. */
export class StageTimes {
  private readonly file: string;

  constructor(path: string) {
    this.file = join(path, "times.jsonl");
  }

  /** Runs a stage and notes the processor time of all threads, also where it is interrupted. */
  async during<T>(stage: string, body: () => Promise<T>): Promise<T> {
    const before = process.cpuUsage();
    try {
      return await body();
    } finally {
      const { user, system } = process.cpuUsage(before);
      const writer = JsonLinesWriter.open(this.file);
      writer.append({ stage, cpuSeconds: (user + system) / 1e6 } satisfies StageTime);
      writer.close();
    }
  }

  /** Seconds by stage. */
  totals(): Record<string, number> {
    const totals: Record<string, number> = {};
    for (const { stage, cpuSeconds } of readJsonLines<StageTime>(this.file))
      totals[stage] = (totals[stage] ?? 0) + cpuSeconds;
    return totals;
  }
}
