// The feed: what happened, newest first, with what stands out marked in words and not by colour alone.

import { byId, el, setText } from "./dom.js";
import { clock, count } from "./format.js";
import { openTimeline } from "./timeline.js";

const KEPT = 200; // of those that stand out, and of the others
const SHOWN = 100;
const MARKS = {
  refusal: ["⊘", "refused", "bad"],
  conflict: ["≠", "conflict", "bad"],
  gap: ["…", "gap", "warn"],
  trouble: ["!", "trouble", "warn"],
  mended: ["✓", "mended", "good"],
};
const LISTS = [
  ["marked-list", (one) => one.mark !== "", "Nothing so far."],
  ["feed-list", () => true, "Nothing yet."],
];
let items = [];
let unseen = 0;
let paused = false;
let pointedAt = false;

export function resetFeed(all) {
  items = all;
  redraw();
}

// What is new, oldest first; a line that came late is sorted in by when it was recorded.
export function addToFeed(fresh) {
  const known = new Set(items.map((one) => one.id));
  const added = fresh.filter((one) => !known.has(one.id));
  const sorted = [...added.reverse(), ...items].sort((one, other) => other.at - one.at);
  const kept = { true: 0, false: 0 };
  items = sorted.filter((one) => kept[one.mark !== ""]++ < KEPT);
  unseen += added.length;
  draw();
}

export function togglePause() {
  paused = !paused;
  const button = byId("feed-pause");
  button.setAttribute("aria-pressed", String(paused));
  setText(button, paused ? "Go on" : "Pause");
  draw();
}

export function setUpFeed() {
  byId("feed-filter").addEventListener("submit", (event) => event.preventDefault());
  byId("feed-service").addEventListener("change", redraw);
  byId("feed-pause").addEventListener("click", togglePause);
  // lines must not run away from under a pointer, or from under the keyboard
  for (const [id] of LISTS) {
    const list = byId(id);
    list.addEventListener("pointerenter", (event) => point(event.pointerType === "mouse"));
    list.addEventListener("pointerleave", () => point(false));
    list.addEventListener("focusout", () => setTimeout(draw));
  }
}

export function offerServices(services) {
  const select = byId("feed-service");
  for (const service of services) {
    if (![...select.options].some((one) => one.value === service)) select.append(el("option", { value: service }, service));
  }
}

function point(at) {
  pointedAt = at;
  draw();
}

function redraw() {
  for (const [id] of LISTS) byId(id).replaceChildren();
  unseen = 0;
  LISTS.forEach(drawList);
}

function draw() {
  const held = pointedAt || LISTS.some(([id]) => byId(id).contains(document.activeElement));
  const why = paused ? "paused" : held ? "held while you are in the list" : "";
  if (!why) {
    unseen = 0;
    LISTS.forEach(drawList);
  }
  setText(byId("feed-note"), why && `${why}; ${count(unseen)} more since`);
}

function drawList([id, belongs, nothing]) {
  const service = byId("feed-service").value;
  const wanted = items.filter((one) => belongs(one) && (!service || one.service === service)).slice(0, SHOWN);
  const list = byId(id);
  const there = new Map([...list.children].map((line) => [line.dataset.id, line]));
  const lines = wanted.map((one) => there.get(one.id) ?? line(one));
  const staying = new Set(lines);
  for (const old of there.values()) if (!staying.has(old)) old.remove();
  lines.forEach((one, place) => {
    if (list.children[place] !== one) list.insertBefore(one, list.children[place] ?? null);
  });
  if (lines.length === 0) list.replaceChildren(el("li", { class: "empty" }, nothing));
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
