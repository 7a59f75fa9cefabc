// The script of a report page: puts curves and expert loads into their places, in the colours of the style sheet. Runs
// in a browser from a file and asks the network for nothing. Expects `uPlot`, what plots.js offers, and the JSON of
// `Drawings` in the element `#drawings`.

const drawings = JSON.parse(document.getElementById("drawings").textContent);
const root = document.documentElement;
let plots = [];
// An element that shows nothing turns a role into the colour of the theme: a canvas does not know `light-dark()`.
const probe = document.body.appendChild(document.createElement("span"));
const color = (role) => {
  probe.style.color = `var(--${role})`;
  return getComputedStyle(probe).color;
};
function drawCurves() {
  for (const plot of plots) plot.destroy();
  plots = drawings.charts.map((chart) => {
    const box = document.getElementById(`chart-${chart.id}`);
    const height = box.closest("figure").classList.contains("wide") ? 270 : 180;
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const [opts, data] = plotOptions(chart, { width: box.clientWidth, height, font, color });
    const plot = new uPlot(opts, data, box);
    // Band edges and raw curves belong to the curve they surround and need no entry of their own.
    box.querySelectorAll(".u-series").forEach((row, i) => {
      if (opts.series[i].silent) row.style.display = "none";
    });
    return plot;
  });
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
  for (const [i, layer] of drawings.heats.entries()) drawHeat(layer, document.getElementById(`heat-${i}`), color);
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
