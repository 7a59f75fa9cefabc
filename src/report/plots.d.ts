// The types of plots.js.
import type { AlignedData, Options } from "uplot";
import type { Chart, ChartSeries, ChartUnit } from "./charts.js";
import type { ExpertLoad } from "./series.js";

/** A chart to draw; charts of one `group` share their cursor. */
export interface DrawnChart extends Omit<Chart, "series"> {
  readonly group: string;
  readonly series: readonly (Omit<ChartSeries, "color"> & { readonly color: string; readonly dash?: number[] })[];
}

/** Where and in which colours a chart is drawn. */
export interface PlotPlace {
  readonly width: number;
  readonly height: number;
  readonly font: string;
  /** The colour of a role as the theme has it. */
  readonly color: (role: string) => string;
}

/** A number as a chart of this unit writes it. */
export function write(unit: ChartUnit, value: number | null | undefined): string;
/** What uPlot is told of a chart, and its data. */
export function plotOptions(chart: DrawnChart, place: PlotPlace): [Options, AlignedData];
/** Draws a layer: a row for each expert, time from left to right. */
export function drawHeat(layer: ExpertLoad, canvas: HTMLCanvasElement, color: PlotPlace["color"]): void;
