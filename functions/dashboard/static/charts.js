// Plotly is large: it is loaded when the first chart comes into view.
let plotly;
function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    leadStyles();
    const script = document.createElement("script");
    script.src = new URL("./plotly.min.js", import.meta.url);
    script.onload = () => {
      if (document.documentElement.lang !== "en") window.Plotly.register(language()); // it has English
      resolve(window.Plotly);
    };
    script.onerror = reject;
    document.head.append(script);
  });
  return plotly;
}

// Plotly writes a <style> of its own, which the page's security policy forbids; where it finds one
// under its name it adds the rules to that sheet, which the policy allows. The map library inside
// asks in the same way whether its style is there: we draw no maps.
function leadStyles() {
  document.querySelector("link[rel=stylesheet]").id = "plotly.js-style-global";
  const maps = document.createElement("meta");
  maps.id = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";
  document.head.append(maps);
}

// Names of days and months as the page's language has them, and days before months.
function language() {
  const name = document.documentElement.lang;
  const written = (options, dates) =>
    dates.map((date) => new Intl.DateTimeFormat(name, { ...options, timeZone: "UTC" }).format(date));
  const months = [...Array(12).keys()].map((month) => Date.UTC(2026, month, 15));
  const days = [...Array(7).keys()].map((day) => Date.UTC(2026, 1, 1 + day)); // from a Sunday
  return {
    moduleType: "locale",
    name,
    dictionary: {},
    format: {
      months: written({ month: "long" }, months),
      shortMonths: written({ month: "short" }, months),
      days: written({ weekday: "long" }, days),
      shortDays: written({ weekday: "short" }, days),
      dayMonth: "%-d %b",
      dayMonthYear: "%-d %b %Y",
    },
  };
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  }
}, { rootMargin: "200px" });

const drawn = new WeakMap();

export function watchCharts(root) {
  for (const chart of root.querySelectorAll("figure[data-chart]")) {
    const figure = document.getElementById(chart.dataset.chart).textContent;
    if (!drawn.has(chart)) {
      drawn.set(chart, null);
      seen.observe(chart);
    } else if (drawn.get(chart) !== null && drawn.get(chart) !== figure) draw(chart);
  }
}

async function draw(chart) {
  const figure = document.getElementById(chart.dataset.chart).textContent;
  const plot = chart.querySelector(".plot");
  try {
    const library = await loadPlotly();
    const { data, layout } = JSON.parse(figure);
    plot.querySelector(".loading")?.remove();
    await library.react(plot, data.map(resolved), themed(layout), {
      displayModeBar: false,
      responsive: true,
      locale: document.documentElement.lang,
    });
    drawn.set(chart, figure);
  } catch (error) {
    console.error(error);
    chart.querySelector("details").open = true;
  }
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Figures name colours of the page ("var:accent"), so that dark and light both fit, and moments in
// UTC, which Plotly would draw as they are: it gets the viewer's own wall clock.
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
function resolved(value) {
  if (typeof value === "string" && value.startsWith("var:")) return colour(value.slice(4));
  if (typeof value === "string" && moment.test(value)) return onTheWall(new Date(value));
  if (Array.isArray(value)) return value.map(resolved);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, resolved(inner)]));
  }
  return value;
}

function onTheWall(time) {
  return new Date(time - time.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

function themed(layout) {
  const axis = { gridcolor: colour("line"), linecolor: colour("line"), zerolinecolor: colour("line"), automargin: true };
  const given = resolved(layout);
  const axes = Object.keys(given).filter((name) => /^[xy]axis/.test(name));
  const styled = Object.fromEntries([...new Set(["xaxis", "yaxis", ...axes])].map((name) => [name, { ...axis, ...given[name] }]));
  return {
    margin: { t: 10, r: 10, b: 40, l: 50 },
    height: 300,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("ink"), family: "system-ui, sans-serif" },
    legend: { orientation: "h", y: -0.2 },
    ...given,
    ...styled,
  };
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of document.querySelectorAll("figure[data-chart]")) if (drawn.get(chart)) draw(chart);
});
