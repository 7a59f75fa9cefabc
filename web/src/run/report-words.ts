// What the report says of its charts, in the language of the page. Knows no language.
import type { Section } from "../../../src/report/sections.ts";

/** A section with its texts told anew; what has no words of its own, such as a person's metric, stays. */
export function inWords(section: Section, words: Readonly<Record<string, string>>): Section {
  const tell = (text: string) => words[text] ?? text;
  // `Fine-tuning: cold`; `before clipping: exactly zero at every step`.
  const tellParts = (text: string) => text.split(": ").map(tell).join(": ");
  return {
    title: tellParts(section.title),
    lead: tell(section.lead),
    charts: section.charts.map((chart) => ({
      ...chart,
      title: tell(chart.title),
      note: words[chart.note] ?? tellParts(chart.note),
      series: chart.series.map((series) => ({ ...series, label: tell(series.label) })),
    })),
  };
}
