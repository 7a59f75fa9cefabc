// A horizontal track with dots and error bars on it, in plain HTML. Knows nothing of what they stand for.

/** A dot at `at`, with an error bar from `at - error` to `at + error`; all of them shares of the track's width. */
export interface Mark {
  readonly at: number;
  readonly error?: number;
  /** How it is drawn: the style sheet has a colour for each. */
  readonly kind: "base" | "final" | "one";
}

/** A track with marks. `span`: the stretch between two of its places is filled. Bars lie below all dots. */
export function track(marks: readonly Mark[], span?: readonly [number, number]): string {
  const bars = marks.map(({ at, error, kind }) =>
    error === undefined ? "" : mark(`whisker ${kind}`, between(at - error, at + error)),
  );
  const dots = marks.map(({ at, kind }) => mark(`dotmark ${kind}`, `left:${percent(at)}`));
  const filled = span ? mark("span", between(Math.min(...span), Math.max(...span))) : "";
  return `<div class="track">${filled}${bars.join("")}${dots.join("")}</div>`;
}

const percent = (share: number): string => `${(Math.min(1, Math.max(0, share)) * 100).toFixed(2)}%`;
const between = (from: number, to: number): string => `left:${percent(from)};right:${percent(1 - to)}`;
const mark = (name: string, style: string): string => `<i class="${name}" style="${style}"></i>`;
