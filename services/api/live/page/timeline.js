// An entity's timeline: its facts, what each changed, and its state as of any of them.

import { Problem, askJson, query } from "./api.js";
import { differences } from "./differences.js";
import { byId, el, setText } from "./dom.js";
import { ENTITIES, count, moment, plural, shown } from "./format.js";
import { askForToken } from "./token.js";

const PAGE = 200; // facts that are listed at a time
const PAUSE = 120; // ms that the slider rests before anything is asked for
const BRIEF = 140; // characters of a value in what changed
const LISTED = 12; // fields of one fact in which it differs; the fact itself shows the rest
const WHY = {
  late: ": it was overtaken by what was known already",
  conflict: ": it contradicts what stands, and the first stands",
  ignored: ": its event or status is none that is known",
};
let entity = null; // {service, id, last: its last sequence, facts: those of a page}
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
}

export const stepBy = (steps) => {
  if (entity) choose(Math.min(entity.last, Math.max(1, Number(byId("step").value) + steps)));
};

export function openTimeline(service, id) {
  byId("lookup-service").value = service;
  byId("lookup-id").value = id;
  history.replaceState(null, "", "#timeline");
  byId("timeline").scrollIntoView();
  const opened = { service, id, last: 0, facts: [] };
  return loading(async () => {
    say(`Looking up ${ENTITIES[service]} ${id} …`);
    byId("timeline-body").hidden = true;
    opened.last = await lastOf(opened);
    entity = opened;
    byId("timeline-body").hidden = false;
    byId("step").focus({ preventScroll: true });
    await choose(entity.last);
  });
}

// What the feed tells may be of the entity that is shown: who looks at its last fact is shown the next one.
export function notice(items) {
  const opened = entity;
  if (!opened || !items.some((one) => one.service === opened.service && one.entity === opened.id)) return;
  loading(async () => {
    const last = await lastOf(opened);
    if (opened !== entity || last <= opened.last) return;
    const atTheEnd = Number(byId("step").value) === opened.last;
    opened.last = last;
    await choose(atTheEnd ? last : Number(byId("step").value), !atTheEnd);
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

const meant = ({ service, id }) => ({ service, id });

async function lastOf(opened) {
  return (await askJson(`/live/entity?${query(meant(opened))}`)).data.sequence;
}

// The page of facts that a sequence is on.
async function pageOf(opened, sequence) {
  const after = Math.floor((sequence - 1) / PAGE) * PAGE;
  return (await askJson(`/live/entity/history?${query({ ...meant(opened), after, limit: PAGE })}`)).data;
}

const say = (text) => setText(byId("timeline-note"), text);

function drawSteps() {
  const { service, id, facts, last } = entity;
  const listed = facts.length < last ? `; listed are ${count(facts[0]?.sequence)} to ${count(facts.at(-1)?.sequence)}` : "";
  say(`${ENTITIES[service]} ${id}: ${plural(last, "fact")}${listed}.`);
  byId("steps").replaceChildren(...facts.map(step));
}

function step(fact) {
  const changes = pairs(fact.changed);
  const claims = pairs(fact.claimed);
  const told = fact.changed === null ? "what it changed is no longer known" : `changed nothing${WHY[fact.verdict] ?? ""}${outcome(fact.data)}`;
  return el(
    "li",
    { "data-step": fact.sequence },
    el(
      "button",
      { type: "button", class: "step", click: () => choose(fact.sequence) },
      el("b", {}, `${fact.sequence}`),
      el("span", { class: `pill ${tone(fact.verdict)}` }, fact.verdict),
      el("time", { datetime: fact.recordedtime }, moment(fact.recordedtime)),
    ),
    changes.length === 0 ? el("p", { class: "note" }, told) : listed("changes", changes, changed),
    claims.length === 0 ? null : listed(`changes claims ${fact.verdict}`, claims, claimed),
    el("details", {}, el("summary", {}, "the fact as it came"), el("pre", {}, JSON.stringify(fact.data, null, 2))),
  );
}

// What an execution told of itself is no field of its operation, and yet what is late or contradicts.
const outcome = (data) => (data.event === "execution.outcome" ? `; execution ${data.execution_id} told ${data.status}` : "");

const pairs = (fields) => Object.entries(fields ?? {}).flatMap(([name, [one, other]]) => differences(name, one, other));

function listed(kind, found, value) {
  const more = found.length - LISTED;
  return el(
    "dl",
    { class: kind },
    ...found.slice(0, LISTED).flatMap(([name, one, other]) => [el("dt", {}, name), el("dd", {}, ...value(one, other))]),
    ...(more > 0 ? [el("dt", {}, "…"), el("dd", { class: "note" }, `and ${plural(more, "field")} more`)] : []),
  );
}

const none = (value) => value === null || value === undefined;

const changed = (from, to) => none(from) ? [el("ins", {}, brief(to))] : [el("del", {}, brief(from)), " → ", el("ins", {}, brief(to))];

const claimed = (stands, said) => ["stands: ", el("b", {}, brief(stands)), ", claimed: ", el("b", { class: "claim" }, brief(said))];

const tone = (verdict) => ({ applied: "good", late: "warn", conflict: "bad" })[verdict] ?? "";

function brief(value) {
  const text = shown(value);
  return text.length > BRIEF ? `${text.slice(0, BRIEF)}…` : text;
}

// Shows the entity as of a fact; with placeOnly what is shown stays, and there are more facts than before.
async function choose(sequence, placeOnly = false) {
  const [slider, opened] = [byId("step"), entity];
  slider.max = String(opened.last);
  slider.value = String(sequence);
  setText(byId("step-said"), `step ${count(sequence)} of ${count(opened.last)}`);
  if (placeOnly) return;
  const mine = ++asked;
  clearTimeout(waiting);
  await new Promise((resolve) => (waiting = setTimeout(resolve, PAUSE)));
  await loading(async () => {
    const known = opened.facts.find((one) => one.sequence === sequence);
    const [facts, state] = await Promise.all([
      known ? opened.facts : pageOf(opened, sequence),
      askJson(`/live/entity?${query({ ...meant(opened), as_of: sequence })}`),
    ]);
    if (mine !== asked) return;
    opened.facts = facts;
    if (!known) drawSteps();
    markStep(sequence);
    const fact = facts.find((one) => one.sequence === sequence);
    drawState(state.data, new Set(Object.keys(fact?.changed ?? {})));
    setText(byId("state-title"), `State as of fact ${count(sequence)}`);
  });
}

function markStep(sequence) {
  for (const line of byId("steps").children) {
    const current = Number(line.dataset.step) === sequence;
    line.classList.toggle("current", current);
    if (current) {
      line.setAttribute("aria-current", "step");
      reveal(line);
    } else line.removeAttribute("aria-current");
  }
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
