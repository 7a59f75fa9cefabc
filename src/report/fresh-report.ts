// The report of a run under way, written anew as the run goes on.
import { writeReport } from "./report.js";

/** The part of a run's time that refreshing its report may take. */
const TIME_SHARE = 0.01;

/** Keeps the report of one run fresh. */
export class FreshReport {
  private costMs = 0;
  private writtenMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly runPath: string) {}

  /**
   * Writes the report, unless that takes more than a small share of the run's time. A report that cannot be written is
   * no reason to stop.
   */
  refresh(): void {
    const startedMs = performance.now();
    if (this.costMs > TIME_SHARE * (startedMs - this.writtenMs)) return;
    try {
      writeReport(this.runPath);
    } catch {
      // The next checkpoint tries again; the end of the run, which needs it, says why.
    }
    this.writtenMs = performance.now();
    this.costMs = this.writtenMs - startedMs;
  }
}
