// Agents: what each is worth, as a curve of its snapshots, and how much of its daily budget for losses is used.

import { askJson, query } from "./api.js";
import { chart } from "./chart.js";
import { byId, el } from "./dom.js";
import { moment, percent, plural } from "./format.js";
import { openTimeline } from "./timeline.js";

const POINTS = 400;
const curves = new Map(); // id -> [[ms, equity], …] of its snapshots, by their own time
let known = [];

export function showAgents(agents) {
  known = agents;
  for (const one of agents) {
    if (!curves.has(one.id)) load(one.id);
    merge(one.id, one.snapshots);
  }
  draw();
}

// After a cut the curves are asked for anew: they may have a hole.
export function forgetCurves() {
  curves.clear();
}

async function load(id) {
  curves.set(id, []);
  try {
    merge(id, (await askJson(`/live/equity?${query({ id, limit: POINTS })}`)).data);
    draw();
  } catch {
    // the curve begins with what comes next, and is asked for again after a cut
  }
}

// A snapshot may be told several times, and is one point.
function merge(id, snapshots) {
  const points = new Map((curves.get(id) ?? []).map((point) => [point.join(), point]));
  for (const { ts, equity } of snapshots) {
    const point = [Date.parse(ts), Number(equity ?? NaN)];
    if (!point.some(Number.isNaN)) points.set(point.join(), point);
  }
  curves.set(id, [...points.values()].sort((one, other) => one[0] - other[0]).slice(-POINTS));
}

function draw() {
  byId("agents-note").hidden = known.length > 0;
  const focused = document.activeElement?.closest("[data-agent]")?.dataset.agent;
  byId("agent-cards").replaceChildren(...known.map(card));
  if (focused) [...byId("agent-cards").children].find((one) => one.dataset.agent === focused)?.querySelector("a").focus();
}

function card(one) {
  const points = curves.get(one.id) ?? [];
  const [since, began] = points[0] ?? [];
  const change = began && points.length > 1 ? ((Number(one.equity) - began) / began) * 100 : null;
  const [low, high] = [Math.min(...points.map(([, y]) => y)), Math.max(...points.map(([, y]) => y))];
  const used = Number(one.daily_drawdown_used ?? 0);
  return el(
    "article",
    { class: "card", "data-agent": one.id },
    el(
      "h3",
      {},
      el("a", { href: "#timeline", title: `Timeline of ${one.id}`, click: (event) => {
        event.preventDefault();
        openTimeline("agents", one.id);
      } }, one.id),
      el("span", { class: `pill ${one.mode === "LIVE" ? "good" : ""}` }, [...new Set([one.mode, one.status].filter(Boolean))].join(", ") || "–"),
    ),
    el(
      "p",
      { class: "equity" },
      el("span", { class: "label" }, "equity "),
      el("b", {}, one.equity ?? "–"),
      change === null ? null : el("span", { class: change < 0 ? "bad" : "good" }, ` ${change < 0 ? "▼" : "▲"} ${Math.abs(change).toFixed(2)} %`),
      change === null ? null : el("span", { class: "label" }, ` since ${moment(since)}`),
    ),
    points.length > 1
      ? chart(points, { label: `Equity of ${one.id}, from ${low} to ${high}`, kind: "equity" })
      : null,
    el("p", { class: "note" }, points.length > 1 ? `${plural(points.length, "snapshot")}, from ${low} to ${high}` : "a curve needs two snapshots"),
    el(
      "dl",
      { class: "figures" },
      el("dt", {}, "below its peak"),
      el("dd", {}, percent(one.drawdown)),
      el("dt", {}, "daily loss budget used"),
      el("dd", { class: used >= 0.8 ? "bad" : "" }, percent(one.daily_drawdown_used)),
      el("dt", {}, "phase"),
      el("dd", {}, one.phase ?? "–"),
    ),
  );
}
