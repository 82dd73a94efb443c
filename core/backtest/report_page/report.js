"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const metric = data.metric.name;
const policies = Object.keys(data.policies);
const DASHES = { never: "dot", refit: "solid", every_step: "dash", naive: "dashdot" };
const SYMBOLS = {
  deployed: "triangle-up", approved: "circle-open", rejected: "x", inconclusive: "diamond-open",
};
const OUTCOMES = {
  deployed: "deployed", approved: "as good, waits", rejected: "rejected", inconclusive: "undecided",
};
const CONFIG = { responsive: true, displaylogo: false, displayModeBar: false };

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function layout(extra) {
  const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), automargin: true };
  const { xaxis = {}, yaxis = {}, ...rest } = extra;
  return {
    paper_bgcolor: colour("ground"), plot_bgcolor: colour("ground"),
    font: { color: colour("text"), family: "system-ui, sans-serif" },
    margin: { l: 60, r: 20, t: 20, b: 50 },
    xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis }, ...rest,
  };
}

function drawCosts() {
  const traces = policies.map((policy) => ({
    x: [data.policies[policy].retrainings], y: [data.policies[policy][metric]],
    name: data.names[policy], text: [data.names[policy]], mode: "markers+text",
    textposition: "top center", cliponaxis: false,
    marker: { size: 13, color: colour(policy) },
    hovertemplate: `%{text}<br>${data.metric.label} %{y:.4g}<br>%{x} retrainings<extra></extra>`,
  }));
  const most = Math.max(1, ...policies.map((policy) => data.policies[policy].retrainings));
  return Plotly.react("costs-plot", traces, layout({
    showlegend: false,
    xaxis: { title: { text: "retrainings" }, range: [-0.2 * most, 1.25 * most] },
    yaxis: { title: { text: data.metric.label } },
  }), CONFIG);
}

function lines() {
  return policies.map((policy) => ({
    x: data.series.as_of, y: data.series.policies[policy], name: data.names[policy],
    mode: "lines", line: {
      color: colour(policy), dash: DASHES[policy], width: policy === "refit" ? 2.5 : 1.5,
    },
    hovertemplate: `%{x|%Y-%m-%d %H:%M}<br>${data.metric.label} %{y:.4g}`,
  }));
}

function marks() {
  return Object.keys(OUTCOMES).map((action) => {
    const steps = data.events.flatMap((event, step) => (event.action === action ? [step] : []));
    return {
      x: steps.map((step) => data.series.as_of[step]),
      y: steps.map((step) => data.series.policies.refit[step]),
      text: steps.map((step) => (data.events[step].model_version === null
        ? "" : `version ${data.events[step].challenger}`)),
      name: `Refit: ${OUTCOMES[action]}`, mode: "markers",
      marker: { symbol: SYMBOLS[action], size: 10, color: colour("refit"),
        line: { width: 1.5, color: colour("refit") } },
      hovertemplate: `%{x|%Y-%m-%d %H:%M}<br>%{text} ${OUTCOMES[action]}<extra></extra>`,
    };
  }).filter((trace) => trace.x.length > 0);
}

function drawTime() {
  return Plotly.react("time-plot", [...lines(), ...marks()], layout({
    yaxis: { title: { text: data.metric.label } },
    xaxis: { type: "date" },
    legend: { orientation: "h", y: -0.15 },
  }), CONFIG);
}

function drawSweep() {
  const unique = (field) => [...new Set(data.sweep.map((cell) => cell[field]))]
    .sort((first, second) => first - second);
  const across = unique("retraining_threshold");
  const up = unique("auto_deployment_threshold");
  const at = (field) => up.map((deploy) => across.map((retrain) => data.sweep.find((cell) =>
    cell.retraining_threshold === retrain && cell.auto_deployment_threshold === deploy)[field]));
  const said = at("retrainings").map((row, y) => row.map((count, x) => {
    const value = at(metric)[y][x];
    return `${value === null ? "–" : value.toPrecision(4)}<br>${count} retrainings`;
  }));
  return Plotly.react("sweep-plot", [{
    type: "heatmap", x: across.map(String), y: up.map(String), z: at(metric), text: said,
    texttemplate: "%{text}", colorscale: "Cividis", reversescale: !data.metric.greater_is_better,
    colorbar: { title: { text: data.metric.label } },
    hovertemplate: "retrain at %{x}<br>deploy from %{y}<br>%{text}<extra></extra>",
  }], layout({
    xaxis: { title: { text: "retrain when it falls by" }, type: "category" },
    yaxis: { title: { text: "deploy when better by" }, type: "category" },
  }), CONFIG);
}

function draw() {
  drawCosts();
  drawTime();
  if (data.sweep.length > 0) drawSweep();
}

draw();
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
