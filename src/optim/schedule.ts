// Learning-rate schedules: warm-up, constant, cosine. Pure functions of the step.
import { cos } from "../elementary.js";
import { ConfigError } from "../errors.js";

/** A learning rate by 0-based step. */
export type Schedule = (step: number) => number;

/** Shape of a schedule over `totalSteps`: linear warm-up, a constant stretch, a cosine to `finalFraction`·peak. */
export interface ScheduleOptions {
  readonly peak: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
  /** Step at which the cosine begins; default: right after warm-up. Equal to totalSteps: constant to the end. */
  readonly decayFrom?: number;
  readonly finalFraction?: number;
}

/** DeepSeek-V3's shape (§4.2): linear warm-up, constant, cosine decay. */
export function warmupCosine({
  peak,
  warmupSteps,
  totalSteps,
  decayFrom = warmupSteps,
  finalFraction = 0.1,
}: ScheduleOptions): Schedule {
  if (decayFrom < warmupSteps || decayFrom > totalSteps)
    throw new ConfigError(
      `schedule: decayFrom must lie in warmupSteps..totalSteps (${warmupSteps}..${totalSteps}), got ${decayFrom}`,
    );
  return (step) => {
    if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
    if (step < decayFrom) return peak;
    const progress = Math.min(1, (step - decayFrom) / Math.max(1, totalSteps - decayFrom));
    return peak * (finalFraction + (1 - finalFraction) * 0.5 * (1 + cos(Math.PI * progress)));
  };
}

/** Warm-up, then constant. */
export const warmupConstant = (peak: number, warmupSteps: number): Schedule =>
  warmupCosine({ peak, warmupSteps, totalSteps: warmupSteps + 1, decayFrom: warmupSteps + 1 });
