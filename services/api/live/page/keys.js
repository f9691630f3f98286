// The keyboard: each part of the page, and what one does most, under a key of its own.

import { byId } from "./dom.js";
import { togglePause } from "./feed.js";
import { nextTheme } from "./theme.js";
import { stepBy } from "./timeline.js";

const PARTS = ["services", "feed", "timeline", "agents", "dead"];

const actions = {
  "/": () => byId("lookup-id").focus(),
  p: togglePause,
  t: nextTheme,
  ArrowLeft: () => stepBy(-1),
  ArrowRight: () => stepBy(1),
  ...Object.fromEntries(PARTS.map((part, place) => [String(place + 1), () => go(part)])),
};

export function setUpKeys() {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, dialog, pre");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });
}

function go(part) {
  byId(part).scrollIntoView();
  byId(part).focus({ preventScroll: true });
}
