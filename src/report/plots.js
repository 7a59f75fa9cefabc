// How curves and expert loads are drawn: what uPlot is told of a chart, and the picture of a layer. Part of the
// report's page and of the live pages; takes colours as a function of their roles, and asks nothing of the page around.

const parse = (rgb) => rgb.match(/\d+/g).slice(0, 3).map(Number);
const faded = (rgb, opacity) => `rgba(${parse(rgb)}, ${opacity})`;
const trim = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
const writers = {
  percent: (v) => `${trim((v * 100).toFixed(1))}%`,
  number: (v) => (Math.abs(v) >= 1e-3 || v === 0 ? trim(v.toPrecision(3)).replace(/e\+?/, "e") : v.toExponential(1)),
  tokens: (v) => (v >= 1000 ? Math.round(v).toLocaleString("en-US") : trim(v.toFixed(v < 10 ? 1 : 0))),
  rate: (v) =>
    v >= 1e6
      ? `${trim((v / 1e6).toPrecision(3))} M`
      : v >= 1000
        ? `${trim((v / 1e3).toPrecision(3))} k`
        : trim(v.toPrecision(3)),
};
/** A number as a chart of this unit writes it. */
export const write = (unit, v) => (v == null ? "–" : writers[unit](v));

// Steps and tokens are counted in whole numbers, and so are the marks of their axes.
const whole = Array.from({ length: 13 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();

/**
 * What uPlot is told of a chart (`Chart` of charts.ts with its `group`), and its data. Entries of the legend for which
 * `series[i].silent` holds belong to another curve.
 */
export function plotOptions(chart, { width, height, font, color }) {
  // With no cursor on the chart the legend shows where the curves end, also of data that comes later.
  const last = (values) => values.findLast((v) => v != null);
  const series = [
    { label: chart.across ?? "step", value: (plot, v) => (v ?? plot.data[0].at(-1)).toLocaleString("en-US") },
  ];
  const bands = [];
  const data = [chart.steps];
  for (const each of chart.series) {
    const stroke = color(each.color);
    if (each.band) {
      const edge = { stroke: "transparent", width: 0, points: { show: false }, silent: true, spanGaps: true };
      data.push(each.band[0], each.band[1]);
      series.push({ ...edge }, { ...edge });
      bands.push({ series: [data.length - 1, data.length - 2], fill: faded(stroke, 0.14) });
    }
    data.push(each.values);
    series.push({
      label: each.label,
      stroke: each.faint ? faded(stroke, 0.31) : stroke,
      width: each.faint ? 1 : 2,
      ...(each.dash ? { dash: each.dash } : {}),
      spanGaps: true,
      ...(each.line === false ? { paths: () => null } : {}),
      points: { show: !!each.points, size: 6, fill: stroke, width: 0 },
      value: (plot, v, i, at) => write(chart.unit, at == null ? last(plot.data[i]) : v),
      silent: !!each.faint,
    });
  }
  const axis = {
    stroke: color("faint"),
    font,
    grid: { stroke: color("rule"), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
  const legend = { live: true, markers: { width: 0, fill: (_, i) => series[i].stroke } };
  return [
    {
      width,
      height,
      series,
      bands,
      legend,
      padding: [8, 10, 0, 0],
      cursor: { sync: { key: chart.group }, drag: { x: true, y: false }, points: { size: 7 } },
      scales: { x: { time: false }, y: { range: (_, low, high) => range(chart, low, high) } },
      axes: [
        { ...axis, grid: { show: false }, size: 26, incrs: whole },
        {
          ...axis,
          size: 52,
          ...(chart.unit === "tokens" ? { incrs: whole } : {}),
          values: (_, all) => all.map((v) => write(chart.unit, v)),
        },
      ],
    },
    data,
  ];
}

function range(chart, low, high) {
  if (low == null) return [0, 1];
  if (chart.unit === "percent") {
    low = Math.max(0, low);
    high = Math.min(1, high);
  }
  const spread = high - low || Math.abs(high) || 1;
  const bottom = chart.fromZero ? Math.min(0, low) : low - spread * 0.06;
  const top = high + spread * 0.06;
  return [bottom, chart.unit === "percent" ? Math.min(1, Math.max(top, bottom + 0.05)) : top];
}

// A load of 1 is the even share; half and double are the ends of the scale.
function heat(load, low, even, high) {
  const at = Math.max(-1, Math.min(1, Math.log2(Math.max(load, 1e-3))));
  const to = at < 0 ? low : high;
  return even.map((v, i) => Math.round(v + (to[i] - v) * Math.abs(at)));
}

/** Draws a layer (`ExpertLoad` of series.ts) on a canvas: a row for each expert, time from left to right. */
export function drawHeat(layer, canvas, color) {
  const experts = layer.load[0].length;
  const image = new ImageData(layer.load.length, experts);
  const ends = ["low", "even", "high"].map((role) => parse(color(role)));
  for (const [x, row] of layer.load.entries())
    for (const [expert, load] of row.entries())
      image.data.set([...heat(load, ...ends), 255], 4 * (expert * layer.load.length + x));
  const small = document.createElement("canvas");
  [small.width, small.height] = [layer.load.length, experts];
  small.getContext("2d").putImageData(image, 0, 0);
  const ratio = Math.max(2, devicePixelRatio || 1);
  [canvas.width, canvas.height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}
