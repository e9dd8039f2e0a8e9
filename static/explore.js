// Zoom, values under the pointer and live runs over the learning curves: uPlot, loaded when somebody asks for it.

const opened = new Map(); // metric: the open chart
const SMALL = 480;
let loading;

function load({ script, sheet }) {
  loading ??= new Promise((done, failed) => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = sheet;
    const code = document.createElement("script");
    code.src = script;
    code.addEventListener("load", () => done(window.uPlot));
    code.addEventListener("error", failed);
    document.head.append(style, code);
  });
  return loading;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const digits = (value) => value == null ? "none" : Number(value.toPrecision(3)).toString().replace("-", "−");

// One row of steps for all runs, and the mean of each arm where all its seeds have a value.
function table(curves, arms, log) {
  const steps = [...new Set(curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
  const row = (curve) => {
    const at = new Map(curve.steps.map((step, place) => [step, curve.values[place]]));
    return steps.map((step) => at.has(step) ? at.get(step) : undefined);
  };
  const there = log ? Math.log : (x) => x, back = log ? Math.exp : (x) => x;
  const seeds = curves.map(row);
  const means = arms.map((arm) => {
    const own = seeds.filter((_, place) => curves[place].arm === arm);
    return steps.map((_, place) => {
      const values = own.map((values) => values[place]);
      if (!values.length || values.some((value) => value == null)) return undefined;
      return back(values.reduce((sum, value) => sum + there(value), 0) / values.length);
    });
  });
  return [steps, ...seeds, ...means];
}

function options(chart, curves, width) {
  const { arms, log, unit } = chart;
  const line = (arm, mean) => {
    const stroke = colour(`--arm-${arms.indexOf(arm) % 6}`);
    return { label: arm, stroke: mean ? stroke : stroke + "66", width: mean ? 2.2 : 1, spanGaps: true, points: { show: false } };
  };
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--hair"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px sans-serif" };
  return {
    width, height: 300,
    scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
    axes: [{ ...axis, label: "optimizer steps", labelFont: axis.font, labelSize: 18 }, { ...axis, label: unit, labelFont: axis.font, labelSize: 18, size: 58 }],
    series: [{}, ...curves.map((curve) => line(curve.arm, false)), ...arms.map((arm) => line(arm, true))],
    legend: { show: false },
    cursor: { points: { show: false }, drag: { x: true, y: false } },
    hooks: {
      setCursor: [(plot) => {
        const at = plot.cursor.idx;
        if (at == null) return;
        const drawn = arms.filter((arm) => curves.some((curve) => curve.arm === arm));
        const values = drawn.map((arm) => `${arm} ${digits(plot.data[1 + curves.length + arms.indexOf(arm)][at])}`);
        chart.line.textContent = `Step ${plot.data[0][at]}: ${values.join("; ")}`;
      }],
    },
  };
}

async function draw(button) {
  const { explore: name, from } = button.dataset;
  const figure = button.closest("figure");
  const svg = figure.querySelector("svg.chart");
  const [uPlot, answer] = await Promise.all([load(button.dataset), fetch(from)]);
  if (!answer.ok) throw new Error(answer.statusText);
  const found = await answer.json();
  // Of one run the arm is said by the page; of what is compared each column is one.
  const curves = (found.items ?? found).map((curve) => ({ ...curve, arm: curve.column ?? curve.arm ?? button.dataset.arm }));
  const before = opened.get(name);
  const chart = { arms: JSON.parse(button.dataset.arms), log: button.dataset.log === "yes", unit: button.dataset.unit };
  chart.box = document.createElement("div");
  chart.line = document.createElement("p");
  chart.line.className = "note";
  chart.line.textContent = "Drag over steps to zoom, press twice to see all.";
  svg.after(chart.box, chart.line);
  svg.hidden = true;
  svg.setAttribute("hidden", "");
  const width = Math.max(figure.clientWidth, Math.min(SMALL, innerWidth - 32));
  chart.plot = new uPlot(options(chart, curves, width), table(curves, chart.arms, chart.log), chart.box);
  // Where somebody had zoomed in, they still look there after a redraw.
  if (before?.range) chart.plot.setScale("x", before.range);
  chart.plot.over.addEventListener("mouseup", () => setTimeout(() => {
    const { min, max } = chart.plot.scales.x;
    chart.range = { min, max };
  }));
  chart.plot.over.addEventListener("dblclick", () => { chart.range = undefined; });
  chart.range = before?.range;
  opened.set(name, chart);
  button.textContent = "Show the picture";
}

function close(button) {
  const chart = opened.get(button.dataset.explore);
  opened.delete(button.dataset.explore);
  chart?.plot.destroy();
  chart?.box.remove();
  chart?.line.remove();
  button.closest("figure").querySelector("svg.chart").removeAttribute("hidden");
  button.textContent = "Zoom and read values";
}

async function open(button) {
  button.disabled = true;
  try {
    await draw(button);
  } catch {
    button.textContent = "It could not be loaded. Try again";
  } finally {
    button.disabled = false;
  }
}

function show(region) {
  for (const button of region.querySelectorAll("[data-explore]")) {
    button.hidden = false;
    if (opened.has(button.dataset.explore)) open(button);
  }
}

export function explore() {
  if (!document.querySelector("[data-explore], [data-live]")) return;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-explore]");
    if (button) (opened.has(button.dataset.explore) ? close : open)(button);
  });
  document.addEventListener("redrawn", (event) => show(event.target));
  show(document);
}
