// Draws the page from the numbers in #data, again whenever a filter changes.

const DATA = JSON.parse(document.getElementById("data").textContent);
const S = DATA.strategies.length, T = DATA.tasks.length, R = DATA.seeds, B = DATA.budgets.length;
const SPLITS = DATA.splits.map((split) => ({
  ...split, mean: unpack(split.mean, Float32Array), error: unpack(split.error, Float32Array),
  area: unpack(split.area, Float64Array), final: unpack(split.final, Float64Array),
}));
const HITS = unpack(DATA.hits, Float64Array);
const NBSP = "\u00a0";
const $ = (id) => document.getElementById(id);
const slice = (values, s, t, n) => values.subarray((s * T + t) * n, (s * T + t + 1) * n);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const role = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const colour = (s) => DATA.strategies[s][dark.matches ? "dark" : "light"];

// Elements are made from text, never from markup: names are the user's.
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawing(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function number(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const after = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(after, 8));
}

const percent = (share) => (Number.isFinite(share) ? `${number(100 * share)}${NBSP}%` : "–");
const chosen = (kind) => [...document.querySelectorAll(`input[name=${kind}]`)].filter((i) => i.checked).map((i) => +i.value);

function glyph(s) {
  const line = drawing("path", { d: "M0 6H22", style: `stroke:${colour(s)};stroke-width:2.6;fill:none` });
  const { dash } = DATA.strategies[s];
  if (dash !== "solid") line.style.strokeDasharray = dash;
  return drawing("svg", { viewBox: "0 0 22 12", width: 22, height: 12, "aria-hidden": "true", class: "key" }, line);
}

const named = (s) => element("span", { class: "who" }, glyph(s), DATA.strategies[s].name);

// What is shown: the selected strategies, and the selected tasks on which each of them has a run.
function selection() {
  const split = SPLITS[+$("split").value], b = +$("budget").value;
  const strategies = chosen("strategy"), wanted = chosen("task");
  const whole = (t) => strategies.every((s) => known(Array.from(slice(split.final, s, t, R * B))).length);
  const tasks = strategies.length ? wanted.filter(whole) : [];
  const own = tasks.length === 1;
  const scale = (t) => (own ? 1 : split.scale[t]);
  const unit = own && DATA.tasks[tasks[0]].unit;
  return {
    split, b, budget: DATA.budgets[b], strategies, tasks, left: wanted.filter((t) => !tasks.includes(t)), scale,
    label: own ? `regret${unit ? ` (${unit})` : ""}` : "normalised regret",
    final: (s, t) => Float64Array.from({ length: R }, (_, r) => slice(split.final, s, t, R * B)[r * B + b] / scale(t)),
    hits: (s, t) => slice(HITS, s, t, R),
  };
}

function table(place, titles, rows, classes = []) {
  const head = element("tr", {}, ...titles.map((t, i) => element("th", { scope: "col", class: i ? "number" : "" }, t)));
  const body = rows.map((row) => element("tr", {}, ...row.map((cell, i) => {
    const made = element("td", { class: [i ? "number" : "", cell.look || "", classes[i] || ""].join(" ").trim() });
    if (cell.style) made.setAttribute("style", cell.style);
    made.append(cell.node || cell.text);
    return made;
  })));
  place.replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
}

function overview(now, test) {
  const { strategies, tasks } = now;
  const regret = intervals(strategies.map((s) => tasks.map((t) => now.final(s, t))), 1);
  const targeted = tasks.filter((t) => DATA.tasks[t].target);
  const hits = (value) => (targeted.length
    ? intervals(strategies.map((s) => targeted.map((t) => now.hits(s, t).map(value))), 1)
    : strategies.map(() => [NaN, NaN, NaN]));
  const reached = hits((h) => (Number.isNaN(h) ? NaN : +(h <= now.budget)));
  const spent = hits((h) => (h > now.budget ? now.budget + 1 : h));
  const lines = strategies.map((s, i) => ({
    s, rank: test.average[i], regret: regret[i], reached: reached[i], spent: spent[i],
    median: mean(tasks.map((t) => median(known(Array.from(now.final(s, t)))))),
    area: mean(tasks.map((t) => slice(now.split.area, s, t, B)[now.b] / now.scale(t))),
  })).sort((a, b) => a.rank - b.rank);
  const best = (read) => lines.reduce((low, line) => Math.min(low, read(line)), Infinity);
  const marks = [(l) => l.rank, (l) => l.regret[0], (l) => l.median, (l) => l.area, (l) => -l.reached[0], (l) => l.spent[0]];
  const lowest = marks.map(best);
  const cell = (i, line, text, low, high, unit = "") => {
    const node = element("span", {}, text);
    if (Number.isFinite(low)) node.append(element("small", {}, `${number(low)}–${number(high)}${unit}`));
    return { node, look: marks[i](line) === lowest[i] ? "best" : "" };
  };
  const titles = ["strategy", "average rank", now.label, "median", "area", "hit the target", "evaluations"];
  table($("summary"), titles, lines.map((line) => {
    const [regret, reached, spent] = [line.regret, line.reached, line.spent];
    return [
      { node: named(line.s) },
      cell(0, line, line.rank.toFixed(2)),
      cell(1, line, number(regret[0]), regret[1], regret[2]),
      cell(2, line, number(line.median)),
      cell(3, line, number(line.area)),
      cell(4, line, percent(reached[0]), 100 * reached[1], 100 * reached[2], NBSP + "%"),
      cell(5, line, (reached[0] < 1 ? "≥ " : "") + number(spent[0]), spent[1], spent[2]),
    ];
  }));
}

function layout(title, more) {
  const axis = { gridcolor: role("line"), linecolor: role("muted"), zeroline: false, ticks: "outside", tickcolor: role("muted"), automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 56, r: 8, t: 12, b: 44 },
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: role("ink") }, showlegend: true,
    legend: innerWidth < 736 ? { orientation: "h", y: -0.22 } : { x: 1.02, y: 0.92 }, hovermode: "x unified", // below the buttons, which are always there without a mouse
    modebar: { bgcolor: "rgba(0,0,0,0)", color: role("muted"), activecolor: role("ink") },
    hoverlabel: { bgcolor: role("card"), bordercolor: role("line"), font: { color: role("ink") } },
    xaxis: { ...axis, type: $("axis").value, title: { text: "evaluations", standoff: 8 }, showgrid: false, dtick: $("axis").value === "log" ? "D2" : undefined },
    yaxis: { ...axis, title: { text: title, standoff: 8 }, ...more },
  };
}

const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
const safe = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]); // plotly reads tags

function lines(s, x, y, more) {
  const { name, dash } = DATA.strategies[s];
  return { x, y, name: safe(name), mode: "lines", line: { color: colour(s), dash, width: 2.2, ...more }, hovertemplate: "%{y:.3~g}" };
}

function curves(now) {
  const { split, strategies, tasks } = now, K = split.steps.length, traces = [];
  strategies.forEach((s) => {
    const means = tasks.map((t) => slice(split.mean, s, t, K).map((v) => v / now.scale(t)));
    const errors = tasks.map((t) => slice(split.error, s, t, K).map((v) => v / now.scale(t)));
    const [low, high] = band(means, errors, 1);
    const middle = split.steps.map((_, k) => mean(means.map((task) => task[k])));
    const floor = Math.min(...middle.filter((v) => v > 0));
    if ($("bands").checked) traces.push({
      x: [...split.steps, ...[...split.steps].reverse()], y: [...high, ...low.map((v) => Math.max(v, floor / 10)).reverse()],
      fill: "toself", fillcolor: `${colour(s)}1c`, line: { width: 0 }, hoverinfo: "skip", showlegend: false, mode: "lines",
    });
    traces.push(lines(s, split.steps, middle));
  });
  const positive = traces.filter((t) => t.name).flatMap((t) => t.y).filter((v) => v > 0).map(Math.log10);
  const [low, high] = positive.length ? [Math.min(...positive), Math.max(...positive)] : [-1, 0];
  const room = 0.06 * (high - low) + 0.02;
  Plotly.react("curves-plot", traces, layout(now.label, { type: "log", range: [low - room, high + room], tickformat: "~g", dtick: high - low < 1.6 ? "D2" : 1 }), CONFIG);
}

function targets(now) {
  const tasks = now.tasks.filter((t) => DATA.tasks[t].target), last = DATA.budgets[B - 1];
  const traces = now.strategies.map((s) => {
    const sorted = tasks.map((t) => known(Array.from(now.hits(s, t))).sort((a, b) => a - b));
    const x = [1, ...new Set(sorted.flat().filter(Number.isFinite)), last].sort((a, b) => a - b);
    const y = x.map((n) => 100 * mean(sorted.map((hits) => hits.filter((h) => h <= n).length / hits.length)));
    return lines(s, x, tasks.length ? y : [], { shape: "hv" });
  });
  Plotly.react("targets-plot", traces, layout("runs that hit the target (%)", { range: [0, 101] }), CONFIG);
}

function diagram(now, test) {
  const k = now.strategies.length, n = now.tasks.length, cd = k > 1 ? DATA.cd[k] / Math.sqrt(n) : NaN;
  const order = [...now.strategies.keys()].sort((a, b) => test.average[a] - test.average[b]);
  const sorted = order.map((i) => test.average[i]);
  const bars = k > 1 ? groups(sorted, cd) : [];
  const letter = 7.6, names = Math.max(...now.strategies.map((s) => DATA.strategies[s].name.length)) * letter + 62;
  const width = Math.max(420, Math.min(900, $("ranks-plot").clientWidth || 900)), left = Math.min(names, 0.55 * width), right = width - 16;
  const x = (rank) => left + (rank - 1) / Math.max(1, k - 1) * (right - left);
  const top = 58, first = top + 16 + 12 * bars.length, height = first + 24 * k + 12;
  const line = (d, style) => drawing("path", { d, style: `fill:none;stroke:var(--ink);${style || ""}` });
  const text = (at, y, words, anchor = "middle") => drawing("text", { x: at, y, "text-anchor": anchor, fill: "currentColor", "font-size": 13 }, words);
  const parts = [line(`M${x(1)} ${top}H${x(k)}`)];
  for (let rank = 1; rank <= k; rank++) parts.push(line(`M${x(rank)} ${top}v-5`), text(x(rank), top - 9, rank));
  if (Number.isFinite(cd)) {
    const fits = x(1 + cd) < right - 60, end = fits ? x(1 + cd) : x(1);
    if (fits) parts.push(line(`M${x(1)} 10v8m0 -4H${end}m0 -4v8`));
    parts.push(text(end + 8, 19, `critical difference ${number(cd)}`, "start"));
  }
  order.forEach((i, at) => {
    const y = first + 24 * at + 14, s = now.strategies[i];
    parts.push(line(`M${x(sorted[at])} ${top}V${y}H${left - 12}`, `stroke:${colour(s)};stroke-width:1.4`));
    parts.push(text(left - 18, y + 4.5, `${DATA.strategies[s].name}  ${sorted[at].toFixed(2)}`, "end"));
  });
  bars.forEach(([a, b], i) => parts.push(line(`M${x(sorted[a]) - 3} ${top + 12 + 12 * i}H${x(sorted[b]) + 3}`, "stroke:var(--guided);stroke-width:5;stroke-linecap:round")));
  $("ranks-plot").replaceChildren(drawing("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "Average ranks with groups that do not differ significantly" }, ...parts));
  const words = test.tested
    ? `Friedman's test over ${n} tasks: χ² = ${number(test.statistic)}, ${test.p < 0.001 ? "p < 0.001" : `p = ${number(test.p, 2)}`}. `
    : "Friedman's test needs three strategies and two tasks. ";
  $("ranks-words").textContent = words + (test.tested && test.p < 0.05 ? "The strategies differ." : test.tested ? "That the strategies differ is not shown." : "");
}

const shade = (share) => `background:color-mix(in srgb, var(--guided) ${Math.round(60 * share)}%, transparent)`;

function perTask(now, blocks) {
  const ranked = blocks.map(ranks), k = now.strategies.length;
  table($("tasks-table"), ["strategy", ...now.tasks.map((t) => DATA.tasks[t].name + (DATA.tasks[t].unit ? ` (${DATA.tasks[t].unit})` : ""))],
    now.strategies.map((s, i) => [{ node: named(s) }, ...now.tasks.map((t, j) => ({
      text: number(blocks[j][i] * now.scale(t)), look: ranked[j][i] === Math.min(...ranked[j]) ? "best" : "",
      style: shade(k > 1 ? (k - ranked[j][i]) / (k - 1) : 0),
    }))]));
}

function pairs(now) {
  const { strategies, tasks } = now, runs = strategies.map((s) => tasks.map((t) => now.final(s, t)));
  const share = strategies.map(() => []);
  runs.forEach((first, a) => runs.slice(0, a).forEach((second, b) => {
    share[a][b] = mean(tasks.map((_, t) => improvement(first[t], second[t])));
    share[b][a] = 1 - share[a][b];
  }));
  table($("pairs-table"), ["better than →", ...strategies.map((s) => DATA.strategies[s].name)], strategies.map((s, a) => [
    { node: named(s) },
    ...strategies.map((_, b) => (a === b ? { text: "" } : { text: share[a][b].toFixed(2), style: shade(Math.max(0, 2 * share[a][b] - 1)) })),
  ]));
}

function draw() {
  const now = selection(), some = now.strategies.length && now.tasks.length;
  $("nothing").hidden = !!some;
  document.querySelectorAll(".live").forEach((part) => { part.hidden = !some; });
  if (!some) return;
  const blocks = now.tasks.map((t) => now.strategies.map((s) => mean(known(Array.from(now.final(s, t))))));
  const test = friedman(blocks);
  const noun = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const skipped = now.left.length ? ` Left out, since not every strategy has a run there: ${now.left.map((t) => DATA.tasks[t].name).join(", ")}.` : "";
  $("shown").textContent = `After ${noun(now.budget, "evaluation")}, over ${noun(now.tasks.length, "task")}.${skipped}`;
  overview(now, test);
  curves(now);
  targets(now);
  diagram(now, test);
  perTask(now, blocks);
  pairs(now);
}

function boxes(kind, entries, label) {
  $(kind).append(...entries.map((entry, i) => {
    const box = element("input", { type: "checkbox", name: kind === "tasks-filter" ? "task" : "strategy", value: i });
    box.checked = true;
    return element("label", { class: "chip" }, box, label(entry, i));
  }));
}

function options(id, texts, at) {
  $(id).append(...texts.map((text, i) => element("option", { value: i }, String(text))));
  $(id).value = at;
}

boxes("tasks-filter", DATA.tasks, (task) => task.name);
boxes("strategies-filter", DATA.strategies, (_, s) => named(s));
options("budget", DATA.budgets, B - 1);
options("split", SPLITS.map((split) => split.name), 0);
$("split").closest("label").hidden = SPLITS.length < 2;
document.querySelector(".filters").addEventListener("change", draw);
document.querySelectorAll("button[data-all]").forEach((button) => button.addEventListener("click", () => {
  document.querySelectorAll(`input[name=${button.dataset.all}]`).forEach((box) => { box.checked = button.dataset.to === "1"; });
  draw();
}));
dark.addEventListener("change", () => {
  document.querySelectorAll("#strategies-filter .who").forEach((who, s) => who.replaceWith(named(s)));
  draw();
});
let width = innerWidth, waiting;
addEventListener("resize", () => { // on a phone, scrolling changes the height
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(waiting);
  waiting = setTimeout(draw, 150);
});
draw();
