// What runs: a card for each service, with its partitions, rate, lag and verdicts.

import { chart } from "./chart.js";
import { byId, el } from "./dom.js";
import { clock, count, latency, plural, rate } from "./format.js";

const POINTS = 300;
const VERDICTS = [
  ["applied", "good"],
  ["late", "warn"],
  ["duplicate", ""],
  ["conflict", "bad"],
  ["ignored", ""],
  ["quarantined", "bad"],
  ["forwarded", ""],
];
const history = new Map();

export function resetServices({ history: past, ...now }) {
  history.clear();
  for (const [service, points] of Object.entries(past)) history.set(service, points);
  draw(now);
}

export function showServices(now) {
  for (const row of now.services) {
    const points = history.get(row.service) ?? [];
    points.push([now.at, row.rate, row.lag]);
    history.set(row.service, points.slice(-POINTS));
  }
  draw(now);
}

function draw({ services, away, beside }) {
  const missing = Object.keys(away).filter((name) => away[name]);
  const alert = byId("away");
  alert.hidden = missing.length === 0;
  const said = missing.map((name) => name[0].toUpperCase() + name.slice(1)).join(" and ");
  const text = `${said} ${missing.length > 1 ? "do" : "does"} not answer: figures are the last ones known`;
  if (missing.length > 0 && alert.textContent !== text) alert.textContent = text;
  byId("service-cards").replaceChildren(...services.map((row) => card(row, history.get(row.service) ?? [])), others(beside));
}

// What folds nothing. A process is green only where it left a trace of its own a moment ago.
function others(rows) {
  return el(
    "article",
    { class: "card", id: "beside" },
    el("h3", {}, "beside the services"),
    el("ul", { class: "beside" }, ...rows.map(other)),
    el("p", { class: "note" }, "Told from what each leaves behind in Redis and Kafka: no process is asked, and what leaves nothing of its own may ",
      "run or not. Producers, Grafana and Prometheus can't be seen from here."),
  );
}

function other(row) {
  const said = { good: "at work", bad: "silent", unknown: "can't tell" }[row.state];
  const tone = row.state === "unknown" ? "" : row.state;
  return el(
    "li",
    { "data-name": row.name },
    el("b", {}, row.name),
    el("span", { class: `pill ${tone}` }, said),
    el("span", { class: "note" }, row.text),
  );
}

function card(row, points) {
  const ready = row.partitions.filter((one) => one.ready).length;
  const all = row.partitions.length;
  const state = all === 0 ? "unknown" : ready === all ? "ready" : ready === 0 ? "down" : "partly";
  const owners = new Set(row.partitions.filter((one) => one.ready).map((one) => one.owner));
  const said = {
    unknown: "nothing known yet",
    ready: `ready: ${plural(owners.size, "worker")}`,
    partly: `${ready} of ${all} partitions ready`,
    down: "not running, or recovering",
  }[state];
  const lag = row.lag === null ? "unknown" : count(row.lag);
  const peak = Math.max(0, ...points.map(([, value]) => value));
  return el(
    "article",
    { class: `card ${state}`, "data-service": row.service },
    el("h3", {}, row.service, el("span", { class: `pill ${{ ready: "good", down: "bad" }[state] ?? "warn"}` }, said)),
    el("ul", { class: "squares", "aria-label": `${ready} of ${all} partitions ready` }, ...row.partitions.map(square)),
    el(
      "div",
      { class: "charts" },
      figure("inputs a second", rate(row.rate), points.map(([at, value]) => [at, value]), "rate", 5),
      figure("waiting (lag)", lag, points.map(([at, , value]) => [at, value]), row.lag ? "lag some" : "lag", 50),
    ),
    el(
      "dl",
      { class: "figures" },
      ...pair("latency, middle", latency(row.p50_ms)),
      ...pair("latency, worst 1 %", latency(row.p99_ms)),
      ...pair("entities", count(row.counters.entities)),
      ...pair("disputed", count(row.counters.disputed), row.counters.disputed ? "bad" : ""),
    ),
    el(
      "ul",
      { class: "verdicts", "aria-label": "Inputs by verdict" },
      ...VERDICTS.map(([name, tone]) => {
        const number = row.counters[`${name}_total`] ?? 0;
        return el("li", { class: number ? tone : "none" }, `${name} `, el("b", {}, count(number)));
      }),
    ),
    el("p", { class: "note" }, `charts: since ${points.length ? clock(points[0][0]) : "now"}, at most ${rate(peak)} inputs a second`),
    ...row.partitions
      .filter((one) => one.damaged)
      .map((one) => el("p", { class: "bad" }, `partition ${one.partition} is damaged: ${one.damaged}`)),
  );
}

function square(one) {
  const lag = one.lag === null ? "lag unknown" : `lag ${count(one.lag)}`;
  const text = `partition ${one.partition}: ${one.ready ? "ready" : "not ready"}, ${lag}, ${one.owner ?? "nobody's"}`;
  return el("li", { class: one.ready ? "square ready" : "square", title: text }, el("span", { class: "hidden" }, text));
}

function figure(label, value, points, kind, most) {
  const drawing = chart(points, { label: `${label}: ${value}`, kind, most });
  return el("div", {}, el("span", { class: "label" }, label), el("b", {}, value), drawing);
}

function pair(name, value, tone = "") {
  return [el("dt", {}, name), el("dd", { class: tone }, value)];
}
