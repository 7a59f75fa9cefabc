// A chart on the page: drawn once, given new data as it comes, drawn anew for another theme, width or set of curves.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { type DrawnChart, plotOptions } from "../../../src/report/plots.js";
import { useStore } from "../page/store.ts";
import { theme } from "../page/theme.ts";
import { useWords } from "../words/index.ts";

const HEIGHT = 190;
const WIDE_HEIGHT = 250;

/** Draws a chart with its title. */
export function ChartView({ chart, isWide }: { readonly chart: DrawnChart; readonly isWide: boolean }) {
  const { runs } = useWords();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const look = useLook(box);
  const shape = chart.series.map(({ label, color, faint, points }) => `${label} ${color} ${faint} ${points}`).join("|");
  useLayoutEffect(() => {
    if (!box.current || look.width === 0) return;
    const [options, data] = optionsOf(chart, look, isWide);
    plot.current = new uPlot(options, data, box.current);
    hideSilent(box.current, options);
    return () => {
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, look, isWide, chart.note]);
  useEffect(() => {
    if (plot.current) plot.current.setData(optionsOf(chart, look, isWide)[1]);
  }, [chart]);
  return (
    <figure class={isWide ? "wide" : ""}>
      <figcaption>
        <b>{chart.title}</b>
        <span>{chart.note}</span>
      </figcaption>
      <div class="plot" ref={box} role="img" aria-label={runs.chart(chart.title)} />
    </figure>
  );
}

interface Look {
  readonly width: number;
  /** Changes with the theme. */
  readonly ink: string;
}

/** Width and theme of a place, as they are and as they change. */
function useLook(place: { readonly current: HTMLElement | null }): Look {
  const chosen = useStore(theme);
  const [look, setLook] = useState<Look>({ width: 0, ink: "" });
  useLayoutEffect(() => {
    const { current } = place;
    if (!current) return;
    const measure = () => {
      const [width, ink] = [current.clientWidth, getComputedStyle(current).color];
      setLook((before) => (before.width === width && before.ink === ink ? before : { width, ink }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", measure);
    return () => {
      observer.disconnect();
      system.removeEventListener("change", measure);
    };
  }, [chosen]);
  return look;
}

function optionsOf(chart: DrawnChart, { width }: Look, isWide: boolean): [uPlot.Options, uPlot.AlignedData] {
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return plotOptions(chart, { width, height: isWide ? WIDE_HEIGHT : HEIGHT, font, color: roleColor });
}

/** The colour of a role: a canvas does not know `light-dark()`, an element does. */
export function roleColor(role: string): string {
  const probe = document.body.appendChild(document.createElement("span"));
  probe.style.color = `var(--${role})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Band edges and raw curves belong to the curve they surround and need no entry of their own. */
function hideSilent(box: HTMLElement, { series }: uPlot.Options): void {
  box.querySelectorAll<HTMLElement>(".u-series").forEach((row, i) => {
    if ((series[i] as { silent?: boolean }).silent) row.hidden = true;
  });
}
