// Sorting, filter, theme, and the comparison of two runs. Everything else on the pages works without.
"use strict";

const inkbench = { sets(list) { inkbench.listed = list; }, items(data) { inkbench.loaded(data); }, loaded() {} };
const find = (selector, of = document) => of.querySelector(selector);
const all = (selector, of = document) => [...of.querySelectorAll(selector)];

// --- theme: as the system says, or as chosen here
const THEMES = ["auto", "light", "dark"];

function stored(theme) {
  // a browser may forbid a page from a file to keep anything: the choice then lasts for this page
  try {
    if (theme) localStorage.setItem("inkbench-theme", theme);
    return localStorage.getItem("inkbench-theme");
  } catch (forbidden) {
    return null;
  }
}

function show(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  find("#theme span").textContent = theme;
}

function themes() {
  const known = stored();
  let theme = THEMES.includes(known) ? known : "auto";
  show(theme);
  find("#theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    show(theme);
    stored(theme);
  });
}

// --- tables: a click on a heading, or Enter on it, sorts; empty fields stay last
function keyOf(row, column) {
  const cell = row.cells[column];
  const text = column === 0 ? row.dataset.label ?? cell.textContent.trim() : cell.dataset.sort ?? cell.textContent.trim();
  return text !== "" && isFinite(text) ? Number(text) : text;
}

function compareKeys(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a.localeCompare(b, undefined, { numeric: true });
}

function sortBy(table, head) {
  const column = head.cellIndex, body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, key: keyOf(row, column) }));
  const first = rows.some(({ key }) => typeof key === "number") ? "descending" : "ascending";
  const now = head.getAttribute("aria-sort");
  const order = now === "none" ? first : now === "ascending" ? "descending" : "ascending";
  const sign = order === "ascending" ? 1 : -1;
  rows.sort((a, b) => (a.key === "") - (b.key === "") || sign * compareKeys(a.key, b.key));
  body.append(...rows.map(({ row }) => row));
  for (const other of table.tHead.rows[0].cells) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", order);
}

function sorting() {
  for (const table of all("table[data-sortable]"))
    for (const button of all("button.sort", table))
      button.addEventListener("click", () => sortBy(table, button.closest("th")));
}

function filter() {
  const field = find("#filter");
  if (!field) return;
  const apply = () => {
    const wanted = field.value.trim().toLowerCase();
    let shown = 0, total = 0;
    for (const row of all("tr[data-label]")) {
      row.hidden = !row.dataset.label.toLowerCase().includes(wanted);
      shown += !row.hidden;
      total += 1;
    }
    find("#count").textContent = wanted ? `${shown} of ${total} rows` : "";
  };
  field.addEventListener("input", apply);
  apply();
}

// --- two runs, item by item
const SVG = "http://www.w3.org/2000/svg";
const MOST = 30;
const FRAME = { left: 58, right: 446, top: 12, bottom: 396 };
let data, points;

function make(name, attributes, text, space) {
  const made = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const figure = (value) => (value === null ? "–" : Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(3));
const signed = (value) => (value > 0 ? "+" : "") + figure(value);

function options(select, labels, chosen) {
  select.replaceChildren(...labels.map(([value, label]) => make("option", { value }, label)));
  select.value = String(labels.some(([value]) => value === chosen) ? chosen : labels[0][0]);
}

function load(place, wanted) {
  inkbench.loaded = (loaded) => {
    data = loaded;
    const labels = data.runs.map((run, k) => [k, run.label]);
    const second = data.runs.findIndex((run) => run.slug === wanted);
    const last = second >= 0 ? second : labels.length - 1;
    const control = data.runs.findIndex((run) => run.label.startsWith("random,"));
    options(find("#first"), labels, control >= 0 && control !== last ? control : last === 0 ? 1 : 0);
    options(find("#second"), labels, last);
    options(find("#metric"), data.metrics.map((metric, k) => [k, metric.name + (metric.bySeries ? " (by series)" : "")]), 0);
    draw();
  };
  const script = make("script", { src: inkbench.listed[place].file });
  document.head.append(script);
  script.addEventListener("load", () => script.remove());
}

function unitsOf(metric, first, second) {
  const a = metric.values[first], b = metric.values[second];
  if (!a || !b) return [];
  const named = metric.bySeries ? data.seriesNames : data.items;
  const picture = (k) => (metric.bySeries ? data.pictures[data.series.findIndex((s, at) => s === k && data.pictures[at])] : data.pictures[k]) || "";
  const series = (k) => (metric.bySeries ? k : data.series[k]);
  return a.flatMap((value, k) => value === null || b[k] === null ? [] : [{ name: named[k], series: series(k), picture: picture(k), a: value, b: b[k], difference: b[k] - value }]);
}

function draw() {
  const [first, second, m] = ["#first", "#second", "#metric"].map((id) => Number(find(id).value));
  const metric = data.metrics[m], sign = metric.direction === "max" ? 1 : -1;
  points = unitsOf(metric, first, second);
  const wins = points.filter((point) => sign * point.difference > 0).length, losses = points.filter((point) => sign * point.difference < 0).length;
  const what = metric.bySeries ? "series" : "items";
  const mean = points.reduce((sum, point) => sum + point.difference, 0) / (points.length || 1);
  find("#verdict").textContent = points.length
    ? `Of ${points.length} ${what} the second is better on ${wins}, the first on ${losses}; mean difference ${signed(mean)} (${metric.name}, ${sign > 0 ? "higher" : "lower"} is better).`
    : "These two have no figure of this metric in common.";
  find("#scatter figcaption").textContent = `${metric.name}: a dot is ${metric.bySeries ? "a series" : "an item"}, coloured by series`;
  find("#about").textContent =
    `The ${Math.min(MOST, points.length)} ${what} with the largest differences, those that the second wins first.` +
    (data.cutItems ? ` ${data.cutItems} items are left out, evenly.` : "") +
    (inkbench.listed[Number(find("#set").value)].why ? ` No pictures: ${inkbench.listed[Number(find("#set").value)].why}.` : "");
  scatter(data.runs[first].label, data.runs[second].label);
  differences(sign);
}

function step(span) {
  const raw = (span || 1) / 5, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw * 0.999);
}

function scatter(first, second) {
  const svg = find("#scatter svg"), drawn = [];
  const values = points.flatMap(({ a, b }) => [a, b]);
  const low = Math.min(...values, Infinity), high = Math.max(...values, -Infinity);
  if (!points.length) return svg.replaceChildren();
  const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1, from = low - room, to = high + room;
  const x = (value) => FRAME.left + ((value - from) / (to - from)) * (FRAME.right - FRAME.left);
  const y = (value) => FRAME.bottom - ((value - from) / (to - from)) * (FRAME.bottom - FRAME.top);
  const add = (name, attributes, text) => drawn[drawn.push(make(name, attributes, text, SVG)) - 1];
  const size = step(to - from);
  for (let k = Math.ceil(from / size); k * size <= to; k += 1) {
    const tick = Number((k * size).toPrecision(6));
    add("line", { class: "grid", x1: FRAME.left, x2: FRAME.right, y1: y(tick), y2: y(tick) });
    add("text", { x: FRAME.left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick));
    add("text", { x: x(tick), y: FRAME.bottom + 17, "text-anchor": "middle" }, String(tick));
  }
  add("line", { class: "diagonal", x1: x(from), y1: y(from), x2: x(to), y2: y(to) });
  const short = (text) => (text.length > 48 ? text.slice(0, 47) + "…" : text);
  add("text", { class: "label", x: (FRAME.left + FRAME.right) / 2, y: 434, "text-anchor": "middle" }, short(first));
  add("text", { class: "label", transform: `translate(14 ${(FRAME.top + FRAME.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, short(second));
  for (const point of points) {
    const dot = add("circle", { class: `dot c${point.series % 6}`, cx: x(point.a).toFixed(1), cy: y(point.b).toFixed(1), r: 5 });
    dot.append(make("title", {}, `${point.name} (${data.seriesNames[point.series]}): ${figure(point.a)}, ${figure(point.b)}, difference ${signed(point.difference)}`, SVG));
    dot.addEventListener("click", () => mark(point.name, true));
    point.dot = dot;
  }
  svg.replaceChildren(...drawn);
  const series = [...new Set(points.map((point) => point.series))].sort((a, b) => a - b);
  find("#scatter .legend").replaceChildren(...(series.length > 6 ? [] : series.map((k) => {
    const entry = make("li", {});
    entry.append(make("i", { class: `c${k % 6}` }), data.seriesNames[k]);
    return entry;
  })));
}

function differences(sign) {
  const ranked = [...points].sort((p, q) => Math.abs(q.difference) - Math.abs(p.difference)).slice(0, MOST);
  ranked.sort((p, q) => sign * (q.difference - p.difference));
  find("#differences tbody").replaceChildren(...ranked.map((point) => {
    const row = make("tr", { "data-item": point.name });
    const picture = make("td", {});
    if (point.picture) picture.append(make("img", { src: point.picture, alt: "", loading: "lazy" }));
    const better = sign * point.difference;
    const change = make("td", { class: better > 0 ? "up" : better < 0 ? "down" : "" }, signed(point.difference));
    row.append(make("th", { scope: "row", class: "first" }, point.name), picture, change);
    row.append(make("td", {}, figure(point.a)), make("td", {}, figure(point.b)));
    row.addEventListener("mouseenter", () => mark(point.name, false));
    return row;
  }));
}

function mark(name, scroll) {
  for (const point of points) point.dot.classList.toggle("on", point.name === name);
  for (const row of all("#differences tbody tr")) {
    row.classList.toggle("on", row.dataset.item === name);
    if (scroll && row.dataset.item === name) row.scrollIntoView({ block: "center" });
  }
}

function comparison() {
  if (!find("#choice")) return;
  const [key, run] = decodeURIComponent(location.hash.slice(1)).split("/");
  const place = Math.max(inkbench.listed.findIndex((one) => one.key === key), 0);
  find("#set").value = String(place);
  find("#set").addEventListener("change", () => load(Number(find("#set").value)));
  for (const id of ["#first", "#second", "#metric"]) find(id).addEventListener("change", draw);
  find("#swap").addEventListener("click", () => {
    [find("#first").value, find("#second").value] = [find("#second").value, find("#first").value];
    draw();
  });
  load(place, run);
}

document.addEventListener("DOMContentLoaded", () => {
  themes();
  sorting();
  filter();
  comparison();
});
