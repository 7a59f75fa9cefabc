// The places of charts on a page, which its script fills.
import type { Chart } from "./charts.js";
import { escapeHtml } from "./html.js";

/** A figure for each chart; nothing where there is none. */
export function renderFigures(charts: readonly Chart[]): string {
  if (charts.length === 0) return "";
  // An odd chart out would leave a hole in the two columns, so the first one takes the whole width.
  const figures = charts.map(({ id, title, note }, index) => {
    const wide = index === 0 && charts.length % 2 === 1 ? ' class="wide"' : "";
    return (
      `<figure${wide}><figcaption><b>${escapeHtml(title)}</b><span>${escapeHtml(note)}</span></figcaption><div ` +
      `class="plotbox" id="chart-${id}"></div></figure>`
    );
  });
  return `<div class="charts">${figures.join("\n")}</div>`;
}
