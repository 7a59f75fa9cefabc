// The script of a report page: draws curves with uPlot and expert loads on canvases, in the colours of the style sheet.
// Runs in a browser from a file and asks the network for nothing. Expects `uPlot`, and the JSON of `ReportDrawings` in
// the element `#drawings`.

const drawings = JSON.parse(document.getElementById("drawings").textContent);
const root = document.documentElement;
let plots = [];
// An element that shows nothing turns a role into the colour of the theme: a canvas does not know `light-dark()`.
const probe = document.body.appendChild(document.createElement("span"));
const color = (role) => {
  probe.style.color = `var(--${role})`;
  return getComputedStyle(probe).color;
};
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
const write = (unit, v) => (v == null ? "–" : writers[unit](v));

// Steps and tokens are counted in whole numbers, and so are the marks of their axes.
const whole = Array.from({ length: 13 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();

function options(chart, box, font) {
  // With no cursor on the chart the legend shows where the curves end.
  const last = (values) => values.findLast((v) => v != null);
  const series = [{ label: "step", value: (_, v) => (v ?? chart.steps.at(-1)).toLocaleString("en-US") }];
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
      spanGaps: true,
      ...(each.line === false ? { paths: () => null } : {}),
      points: { show: !!each.points, size: 6, fill: stroke, width: 0 },
      value: (_, v, _i, at) => write(chart.unit, at == null ? last(each.values) : v),
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
      width: box.clientWidth,
      height: box.closest("figure").classList.contains("wide") ? 270 : 180,
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

function drawCurves() {
  for (const plot of plots) plot.destroy();
  plots = drawings.charts.map((chart) => {
    const box = document.getElementById(`chart-${chart.id}`);
    const [opts, data] = options(chart, box, `12px ${getComputedStyle(document.body).fontFamily}`);
    const plot = new uPlot(opts, data, box);
    // Band edges and raw curves belong to the curve they surround and need no entry of their own.
    box.querySelectorAll(".u-series").forEach((row, i) => {
      if (opts.series[i].silent) row.style.display = "none";
    });
    return plot;
  });
}

// A load of 1 is the even share; half and double are the ends of the scale.
function heat(load, low, even, high) {
  const at = Math.max(-1, Math.min(1, Math.log2(Math.max(load, 1e-3))));
  const to = at < 0 ? low : high;
  return even.map((v, i) => Math.round(v + (to[i] - v) * Math.abs(at)));
}

function drawHeat(layer, canvas) {
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

drawings.heats.forEach((layer, i) => {
  const canvas = document.getElementById(`heat-${i}`);
  const readout = canvas.nextElementSibling;
  const rest = readout.textContent;
  canvas.onmouseleave = () => {
    readout.textContent = rest;
  };
  canvas.onmousemove = (event) => {
    const at = Math.min(
      layer.steps.length - 1,
      Math.max(0, Math.floor((event.offsetX / canvas.clientWidth) * layer.steps.length)),
    );
    const expert = Math.min(
      layer.load[0].length - 1,
      Math.max(0, Math.floor((event.offsetY / canvas.clientHeight) * layer.load[0].length)),
    );
    const load = layer.load[at][expert].toFixed(2);
    readout.textContent = `step ${layer.steps[at]}, expert ${expert}: ${load} × the even share`;
  };
});

function drawAll() {
  drawCurves();
  for (const [i, layer] of drawings.heats.entries()) drawHeat(layer, document.getElementById(`heat-${i}`));
}

const button = document.querySelector("button.theme");
const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
const setTheme = (theme) => {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  button.textContent = isDark() ? "Light" : "Dark";
  drawAll();
};
button.onclick = () => setTheme(isDark() ? "light" : "dark");
system.onchange = () => setTheme(root.dataset.theme);
let before;
addEventListener("beforeprint", () => {
  before = root.dataset.theme;
  setTheme("light");
});
addEventListener("afterprint", () => setTheme(before));
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width) {
    width = innerWidth;
    drawAll();
  }
});
setTheme(root.dataset.theme);
