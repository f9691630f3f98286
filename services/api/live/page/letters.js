// Dead letters: what was refused and why, and another try for one that was mended.

import { Problem, askJson } from "./api.js";
import { byId, el, setText } from "./dom.js";
import { count, moment } from "./format.js";
import { askForToken, token } from "./token.js";

const sent = new Map(); // place -> what became of sending it again
let known = [];

export function showLetters(letters) {
  known = letters;
  draw();
}

function draw() {
  const number = byId("dead-count");
  number.hidden = known.length === 0;
  setText(number, count(known.length));
  setText(byId("dead-note"), known.length === 0 ? "Nothing was refused." : "");
  const list = byId("letters");
  const there = new Map([...list.children].map((line) => [line.dataset.place, line]));
  list.replaceChildren(...known.map((one) => there.get(one.place) ?? letter(one)));
}

function letter(one) {
  const said = el("span", { class: "note", role: "status" }, sent.get(one.place) ?? "");
  const button = el("button", { type: "button", click: () => redrive(one, button, said) }, "Send again");
  button.disabled = sent.has(one.place);
  return el(
    "li",
    { "data-place": one.place },
    el(
      "p",
      { class: "head" },
      el("span", { class: "pill bad" }, one.error),
      el("b", {}, one.service),
      el("code", {}, one.pointer || "the whole"),
      el("time", { datetime: one.at }, moment(one.at)),
    ),
    el("p", { class: "text" }, one.detail),
    el("details", {}, el("summary", {}, `from ${one.source}, ${count(one.size)} bytes`), el("pre", {}, one.body + (one.size > one.body.length ? " …" : ""))),
    el("p", { class: "controls" }, button, said),
  );
}

async function redrive(one, button, said) {
  if (!token() && !(await askForToken("Sending a dead letter again needs a token with the scope dead:redrive."))) return;
  button.disabled = true;
  said.textContent = "sending …";
  try {
    await askJson("/live/dead/redrive", { body: { place: one.place } });
    sent.set(one.place, "sent again; if it is refused again, it comes back as a new letter");
    said.textContent = sent.get(one.place);
  } catch (problem) {
    button.disabled = false;
    said.textContent = problem instanceof Problem ? `not sent: ${problem.message}` : "not sent: the API does not answer";
    if (problem.status === 401 || problem.status === 403) await askForToken(`The API says: ${problem.message}.`);
  }
}
