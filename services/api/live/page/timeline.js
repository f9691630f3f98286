// An entity's timeline: its facts, what each changed, and its state as of any of them.

import { Problem, askJson, query } from "./api.js";
import { byId, el, setText } from "./dom.js";
import { ENTITIES, count, moment, plural, shown } from "./format.js";
import { askForToken } from "./token.js";

const PAGE = 200;
const PAUSE = 120; // ms that the slider rests before a state is asked for
const BRIEF = 140; // characters of a value in what changed
let entity = null; // {service, id, facts, next, last}
let asked = 0;
let waiting;

export function setUpTimeline() {
  byId("lookup-service").append(...Object.entries(ENTITIES).map(([service, name]) => el("option", { value: service }, name)));
  byId("lookup").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = byId("lookup-id").value.trim();
    if (id) openTimeline(byId("lookup-service").value, id);
  });
  byId("step").addEventListener("input", () => choose(Number(byId("step").value)));
  byId("step-back").addEventListener("click", () => stepBy(-1));
  byId("step-on").addEventListener("click", () => stepBy(1));
  byId("steps-more").addEventListener("click", () => loading(async () => {
    await more(entity);
    drawSteps();
  }));
}

export const stepBy = (steps) => {
  if (entity) choose(Math.min(entity.facts.length, Math.max(1, Number(byId("step").value) + steps)));
};

export function openTimeline(service, id) {
  byId("lookup-service").value = service;
  byId("lookup-id").value = id;
  history.replaceState(null, "", "#timeline");
  byId("timeline").scrollIntoView();
  byId("step").focus({ preventScroll: true });
  const opened = { service, id, facts: [], next: null };
  return loading(async () => {
    say(`Looking up ${ENTITIES[service]} ${id} …`);
    byId("timeline-body").hidden = true;
    await more(opened);
    entity = opened;
    byId("timeline-body").hidden = false;
    byId("step").focus({ preventScroll: true });
    drawSteps();
    await choose(opened.facts.length);
  });
}

async function loading(what) {
  try {
    await what();
  } catch (problem) {
    say(problem instanceof Problem ? `The API says: ${problem.message}` : "The API does not answer; try again.");
    if (problem.status === 401 || problem.status === 403) await askForToken(`The API says: ${problem.message}.`);
  }
}

async function more(opened) {
  const page = { service: opened.service, id: opened.id, limit: PAGE, ...(opened.next && { cursor: opened.next }) };
  const answer = await askJson(`/live/entity/history?${query(page)}`);
  opened.facts.push(...answer.data);
  opened.next = answer.next_cursor;
}

const say = (text) => setText(byId("timeline-note"), text);

function drawSteps() {
  const { service, id, facts, next } = entity;
  say(`${ENTITIES[service]} ${id}: ${plural(facts.length, "fact")}${next ? " and more" : ""}.`);
  byId("step").max = String(facts.length);
  byId("steps-more").hidden = next === null;
  byId("steps").replaceChildren(...facts.map(step));
}

function step(fact, place) {
  const changes = Object.entries(fact.changed ?? {});
  const told = fact.changed === null ? "what it changed is no longer known" : "changed nothing";
  return el(
    "li",
    { "data-step": place + 1 },
    el(
      "button",
      { type: "button", class: "step", click: () => choose(place + 1) },
      el("b", {}, `${fact.sequence}`),
      el("span", { class: `pill ${tone(fact.verdict)}` }, fact.verdict),
      el("time", { datetime: fact.recordedtime }, moment(fact.recordedtime)),
    ),
    changes.length === 0
      ? el("p", { class: "note" }, told)
      : el("dl", { class: "changes" }, ...changes.flatMap(([name, [from, to]]) => [
          el("dt", {}, name),
          from === null || from === undefined
            ? el("dd", {}, el("ins", {}, brief(to)))
            : el("dd", {}, el("del", {}, brief(from)), " → ", el("ins", {}, brief(to))),
        ])),
    el("details", {}, el("summary", {}, "the fact as it came"), el("pre", {}, JSON.stringify(fact.data, null, 2))),
  );
}

const tone = (verdict) => ({ applied: "good", late: "warn", conflict: "bad" })[verdict] ?? "";

function brief(value) {
  const text = shown(value);
  return text.length > BRIEF ? `${text.slice(0, BRIEF)}…` : text;
}

async function choose(place) {
  const fact = entity.facts[place - 1];
  if (!fact) return;
  byId("step").value = String(place);
  setText(byId("step-said"), `step ${count(place)} of ${count(entity.facts.length)}`);
  setText(byId("state-title"), `State as of fact ${fact.sequence}`);
  for (const line of byId("steps").children) {
    const current = Number(line.dataset.step) === place;
    line.classList.toggle("current", current);
    if (current) {
      line.setAttribute("aria-current", "step");
      reveal(line);
    } else line.removeAttribute("aria-current");
  }
  clearTimeout(waiting);
  const [mine, opened] = [++asked, entity];
  await new Promise((resolve) => (waiting = setTimeout(resolve, PAUSE)));
  await loading(async () => {
    const at = query({ service: opened.service, id: opened.id, as_of: fact.sequence });
    const answer = await askJson(`/live/entity?${at}`);
    if (mine === asked) drawState(answer.data, new Set(Object.keys(fact.changed ?? {})));
  });
}

// Only the list is scrolled: the page stays where the reader has it.
function reveal(line) {
  const list = byId("steps");
  const [top, bottom] = [line.offsetTop, line.offsetTop + line.offsetHeight]; // the list is what they are measured from
  if (top < list.scrollTop || bottom > list.scrollTop + list.clientHeight) list.scrollTop = top;
}

function drawState(state, changed) {
  const rows = Object.entries(state).map(([name, value]) =>
    el("tr", { class: changed.has(name) ? "changed" : null }, el("th", { scope: "row" }, name), el("td", {}, cell(value))),
  );
  byId("state").tBodies[0].replaceChildren(...rows);
}

function cell(value) {
  if (value === null || typeof value !== "object") return el("span", {}, shown(value));
  if (Object.keys(value).length === 0) return el("span", { class: "note" }, Array.isArray(value) ? "none" : "{}");
  return el("pre", {}, JSON.stringify(value, null, 1));
}
