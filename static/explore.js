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

// A tick as the drawn picture says it: with all digits that it needs, thin spaces between thousands, a real minus.
function label(tick) {
  if (tick == null) return "";
  const size = Math.abs(tick), round = Number(tick.toPrecision(10));
  const text = size >= 1e4 && size < 1e7 && Number.isInteger(round) ? String(round).replace(/\B(?=(\d{3})+$)/g, "\u202f")
    : size === 0 || (size >= 1e-3 && size < 1e7) ? String(round) : round.toExponential().replace("+", "");
  return text.replaceAll("-", "−");
}

// One row of steps for all runs, then of each arm one standard deviation below and above its mean and the mean itself, where
// all its seeds have a value, and what a network comes to that learns nothing.
function table(curves, { arms, log, baseline }) {
  const steps = [...new Set(curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
  const row = (curve) => {
    const at = new Map(curve.steps.map((step, place) => [step, curve.values[place]]));
    return steps.map((step) => at.has(step) ? at.get(step) : undefined);
  };
  const there = log ? Math.log : (x) => x, back = log ? Math.exp : (x) => x;
  const seeds = curves.map(row);
  const means = arms.flatMap((arm) => {
    const own = seeds.filter((_, place) => curves[place].arm === arm);
    const points = steps.map((_, place) => {
      const values = own.map((values) => values[place]);
      if (!values.length || values.some((value) => value == null)) return [];
      const mean = values.reduce((sum, value) => sum + there(value), 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (there(value) - mean) ** 2, 0);
      const sd = Math.sqrt(squares / (values.length - 1));
      return values.length > 1 ? [back(mean - sd), back(mean + sd), back(mean)] : [undefined, undefined, back(mean)];
    });
    return [0, 1, 2].map((part) => points.map((point) => point[part]));
  });
  return [steps, ...seeds, ...means, ...(baseline == null ? [] : [steps.map(() => baseline)])];
}

// Lines look as in the picture: its colours, and its dashes.
function styles(svg, arms) {
  return arms.map((_, place) => {
    const drawn = svg.querySelector(`.mean.arm-${place % 12}`);
    const dash = drawn ? getComputedStyle(drawn).strokeDasharray : "none";
    return {
      stroke: colour(`--arm-${place % 6}`),
      dash: dash === "none" ? undefined : dash.split(",").map((part) => parseFloat(part) * devicePixelRatio),
    };
  });
}

// Where the mean of an arm stands in the table.
const meanAt = (curves, place) => curves.length + 3 * place + 3;

function options(chart, curves, width) {
  const { arms, log, unit, baseline, styles } = chart;
  const line = (look) => ({ spanGaps: true, points: { show: false }, ...look });
  const seed = (curve) => line({ stroke: (styles[arms.indexOf(curve.arm)]?.stroke ?? "#888888") + "66", width: 1 });
  const edge = () => line({ stroke: "transparent", width: 0 });
  const series = [{}, ...curves.map(seed), ...styles.flatMap((style) => [edge(), edge(), line({ ...style, width: 2.2 })])];
  if (baseline != null) series.push(line({ stroke: colour("--inconclusive"), width: 1, dash: [4, 3].map((part) => part * devicePixelRatio) }));
  const bands = styles.map(({ stroke }, place) => ({ series: [meanAt(curves, place) - 1, meanAt(curves, place) - 2], fill: stroke + "24" }));
  const axis = {
    stroke: colour("--soft"), grid: { stroke: colour("--hair"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px sans-serif",
    values: (_, splits) => splits.map(label),
  };
  return {
    width, height: 300, series, bands,
    scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
    axes: [{ ...axis, label: "optimizer steps", labelFont: axis.font, labelSize: 18 }, { ...axis, label: unit, labelFont: axis.font, labelSize: 18, size: 58 }],
    legend: { show: false },
    cursor: { points: { show: false }, drag: { x: true, y: false } },
    hooks: {
      draw: [(plot) => {
        if (baseline == null) return;
        const { ctx, bbox } = plot;
        ctx.save();
        ctx.font = `${12 * devicePixelRatio}px sans-serif`;
        ctx.fillStyle = colour("--ink");
        ctx.textAlign = "right";
        ctx.fillText("without learning", bbox.left + bbox.width - 4, plot.valToPos(baseline, "y", true) - 6 * devicePixelRatio);
        ctx.restore();
      }],
      setCursor: [(plot) => {
        const at = plot.cursor.idx;
        if (at == null) return;
        const drawn = arms.filter((arm) => curves.some((curve) => curve.arm === arm));
        const values = drawn.map((arm) => `${arm} ${digits(plot.data[meanAt(curves, arms.indexOf(arm))][at])}`);
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
  chart.baseline = button.dataset.baseline === undefined ? undefined : Number(button.dataset.baseline);
  chart.styles = styles(svg, chart.arms);
  chart.box = document.createElement("div");
  chart.line = document.createElement("p");
  chart.line.className = "note";
  chart.line.textContent = "Drag over steps to zoom, press twice to see all.";
  svg.after(chart.box, chart.line);
  svg.hidden = true;
  svg.setAttribute("hidden", "");
  const width = Math.max(figure.clientWidth, Math.min(SMALL, innerWidth - 32));
  chart.plot = new uPlot(options(chart, curves, width), table(curves, chart), chart.box);
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
