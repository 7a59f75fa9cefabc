// Rates with their standard errors, as the cells of a page write them.
import { formatPercent } from "../number-text.js";
import type { Estimate } from "../statistics.js";

/** `71.5%` and, small, `± 2.3`. */
export const shownEstimate = ({ value, stderr }: Estimate): string => `${formatPercent(value)}${shownError(stderr)}`;

/** A difference of rates, in points with its sign; one that is too small to be seen has a plus. */
export function shownDifference({ value, stderr }: Estimate): string {
  const shown = points(Math.abs(value));
  return `${value < 0 && Number(shown) > 0 ? "−" : "+"}${shown} pts${shownError(stderr)}`;
}

/** A share in points: `12.5`. */
export const points = (share: number): string => (100 * share).toFixed(1);

const shownError = (stderr: number | null): string => (stderr === null ? "" : `<small>± ${points(stderr)}</small>`);
