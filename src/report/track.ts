// A horizontal track with dots and error bars on it, in plain HTML. Knows nothing of what they stand for.

/** A stretch of the track, as shares of its width. */
export type Stretch = readonly [from: number, to: number];

/** A dot, and its error bar; all numbers are shares of the track's width. */
export interface Mark {
  readonly at: number;
  readonly bar?: Stretch;
  /** How it is drawn: the style sheet has a colour for each. */
  readonly kind: "base" | "final" | "one";
}

/** A track with marks. `span`: a stretch that is filled, whichever end comes first. Bars lie below all dots. */
export function track(marks: readonly Mark[], span?: Stretch): string {
  const bars = marks.map(({ bar, kind }) => (bar === undefined ? "" : mark(`whisker ${kind}`, between(bar))));
  const dots = marks.map(({ at, kind }) => mark(`dotmark ${kind}`, `left:${percent(at)}`));
  const filled = span ? mark("span", between([Math.min(...span), Math.max(...span)])) : "";
  return `<div class="track">${filled}${bars.join("")}${dots.join("")}</div>`;
}

/** Two errors either way. */
export const errorBar = (value: number, error: number): Stretch => [value - 2 * error, value + 2 * error];

const percent = (share: number): string => `${(Math.min(1, Math.max(0, share)) * 100).toFixed(2)}%`;
const between = ([from, to]: Stretch): string => `left:${percent(from)};right:${percent(1 - to)}`;
const mark = (name: string, style: string): string => `<i class="${name}" style="${style}"></i>`;
