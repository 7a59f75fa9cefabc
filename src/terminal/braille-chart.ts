// A small line chart made of Braille characters: two columns and four rows of dots per character.
// Knows nothing of terminals; gives plain lines of text.

/** Range of the vertical axis. */
export interface ChartRange {
  low: number;
  high: number;
}

// Bit of each dot within U+2800, by [column][row from the top].
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** Range of the finite values, widened when they are all equal; `undefined` when there are none. */
export function rangeOf(values: readonly number[]): ChartRange | undefined {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return undefined;
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  return low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high };
}

/** Draws `values` over the whole width, averaged when there are more than dots, spread out when there are fewer. */
export function brailleChart(
  values: readonly number[],
  width: number,
  height: number,
  range = rangeOf(values),
): string[] {
  const cells = Array.from({ length: height }, () => new Array<number>(width).fill(0));
  const columns = resample(values, width * 2);
  let previous: number | undefined;
  columns.forEach((value, x) => {
    const row = range && Number.isFinite(value) ? rowOf(value, range, height * 4) : undefined;
    if (row !== undefined) {
      // Steep stretches are joined, so that the eye follows a line and not a cloud.
      const from = previous === undefined ? row : previous + Math.sign(row - previous);
      for (let y = Math.min(from, row); y <= Math.max(from, row); y++) cells[y >> 2][x >> 1] |= DOTS[x & 1][y & 3];
    }
    previous = row;
  });
  return cells.map((line) => line.map((dots) => String.fromCharCode(0x2800 + dots)).join(""));
}

/**
 * Means of equal stretches of `values`, or nearest values where there are fewer than `count`. Stretches without a
 * finite value give NaN.
 */
function resample(values: readonly number[], count: number): number[] {
  if (values.length === 0) return [];
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor((index * values.length) / count);
    const stretch = values
      .slice(start, Math.max(start + 1, Math.floor(((index + 1) * values.length) / count)))
      .filter(Number.isFinite);
    return stretch.reduce((sum, value) => sum + value, 0) / stretch.length;
  });
}

function rowOf(value: number, { low, high }: ChartRange, numRows: number): number {
  const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return Math.round((1 - share) * (numRows - 1));
}
