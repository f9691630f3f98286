// The feed: what happened, newest first, with what stands out marked in words and not by colour alone.

import { byId, el, setText } from "./dom.js";
import { clock } from "./format.js";
import { openTimeline } from "./timeline.js";

const KEPT = 300;
const SHOWN = 100;
const MARKS = {
  refusal: ["⊘", "refused", "bad"],
  conflict: ["≠", "conflict", "bad"],
  gap: ["…", "gap", "warn"],
  trouble: ["!", "trouble", "warn"],
  mended: ["✓", "mended", "good"],
};
let items = [];
let held = 0;
let paused = false;

export function resetFeed(all) {
  items = all;
  byId("feed-list").replaceChildren();
  draw();
}

// What is new, oldest first; a line that came late is sorted in by when it was recorded.
export function addToFeed(fresh) {
  const known = new Set(items.map((one) => one.id));
  const added = fresh.filter((one) => !known.has(one.id));
  items = [...added.reverse(), ...items].sort((one, other) => other.at - one.at).slice(0, KEPT);
  held += paused ? added.length : 0;
  draw();
}

export function togglePause() {
  paused = !paused;
  held = 0;
  const button = byId("feed-pause");
  button.setAttribute("aria-pressed", String(paused));
  setText(button, paused ? "Go on" : "Pause");
  draw();
}

export function setUpFeed() {
  byId("feed-filter").addEventListener("submit", (event) => event.preventDefault());
  byId("feed-service").addEventListener("change", redraw);
  byId("feed-marked").addEventListener("change", redraw);
  byId("feed-pause").addEventListener("click", togglePause);
}

export function offerServices(services) {
  const select = byId("feed-service");
  for (const service of services) {
    if (![...select.options].some((one) => one.value === service)) select.append(el("option", { value: service }, service));
  }
}

function redraw() {
  byId("feed-list").replaceChildren();
  draw(true);
}

function draw(anyway = false) {
  setText(byId("feed-note"), paused ? `paused, ${held} more since` : "");
  if (paused && !anyway) return;
  const service = byId("feed-service").value;
  const marked = byId("feed-marked").checked;
  const wanted = items.filter((one) => (!service || one.service === service) && (!marked || one.mark)).slice(0, SHOWN);
  const list = byId("feed-list");
  const there = new Map([...list.children].map((line) => [line.dataset.id, line]));
  const lines = wanted.map((one) => there.get(one.id) ?? line(one));
  const staying = new Set(lines);
  for (const old of there.values()) if (!staying.has(old)) old.remove();
  lines.forEach((one, place) => {
    if (list.children[place] !== one) list.insertBefore(one, list.children[place] ?? null);
  });
  if (lines.length === 0) list.replaceChildren(el("li", { class: "empty" }, "Nothing yet."));
}

function line(one) {
  const [sign, word, tone] = MARKS[one.mark] ?? ["", "", ""];
  const subject = one.entity === null
    ? el("span", { class: "subject", title: one.subject }, one.subject)
    : el("a", { class: "subject", href: "#timeline", title: `Timeline of ${one.subject}`, click: (event) => {
        event.preventDefault();
        openTimeline(one.service, one.entity);
      } }, one.subject);
  return el(
    "li",
    { "data-id": one.id, "data-mark": one.mark, class: tone },
    el("time", { datetime: new Date(one.at).toISOString() }, clock(one.at)),
    el("span", { class: "mark" }, word ? el("span", { class: `pill ${tone}` }, `${sign} ${word}`) : null),
    el("span", { class: "name" }, one.mark && !one.name.includes(".") ? `${one.service} ${one.name}` : one.name),
    subject,
    el("span", { class: "text" }, one.text),
  );
}
