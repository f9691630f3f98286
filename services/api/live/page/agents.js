// Agents: what each is worth, as a curve, and how much of its daily budget for losses is used.

import { askJson, query } from "./api.js";
import { chart } from "./chart.js";
import { byId, el } from "./dom.js";
import { openTimeline } from "./timeline.js";

const POINTS = 400;
const curves = new Map(); // id -> [[ms, equity], …]
let known = [];

export function showAgents(agents) {
  known = agents;
  for (const one of agents) {
    const curve = curves.get(one.id);
    if (!curve) load(one.id);
    else if (one.equity !== null) append(curve, [Date.parse(one.last_event_at), Number(one.equity)]);
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
    const answer = await askJson(`/live/equity?${query({ id, limit: POINTS })}`);
    const points = answer.data.map((one) => [Date.parse(one.ts), Number(one.equity)]);
    curves.set(id, points.sort((one, other) => one[0] - other[0]));
    draw();
  } catch {
    // the curve begins with what comes next, and is asked for again after a cut
  }
}

function append(curve, point) {
  const last = curve.at(-1);
  if (!last || point[0] > last[0]) {
    curve.push(point);
    if (curve.length > POINTS) curve.shift();
  }
}

function draw() {
  byId("agents-note").hidden = known.length > 0;
  const focused = document.activeElement?.closest("[data-agent]")?.dataset.agent;
  byId("agent-cards").replaceChildren(...known.map(card));
  if (focused) [...byId("agent-cards").children].find((one) => one.dataset.agent === focused)?.querySelector("a").focus();
}

function card(one) {
  const points = (curves.get(one.id) ?? []).filter(([at, value]) => !Number.isNaN(at) && !Number.isNaN(value));
  const began = points[0]?.[1];
  const change = began ? ((Number(one.equity) - began) / began) * 100 : null;
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
    ),
    points.length > 1
      ? chart(points, { label: `Equity of ${one.id}, from ${low} to ${high}`, kind: "equity" })
      : el("p", { class: "note" }, "no curve yet"),
    points.length > 1 ? el("p", { class: "note" }, `${points.length} snapshots, from ${low} to ${high}`) : null,
    el(
      "dl",
      { class: "figures" },
      el("dt", {}, "drawdown"),
      el("dd", {}, one.drawdown ?? "–"),
      el("dt", {}, "daily budget used"),
      el("dd", { class: used >= 0.8 ? "bad" : "" }, one.daily_drawdown_used ?? "–"),
      el("dt", {}, "phase"),
      el("dd", {}, one.phase ?? "–"),
    ),
  );
}
