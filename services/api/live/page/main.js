// Puts the page together: one stream of news, handed to the part that each kind is for.

import { forgetCurves, showAgents } from "./agents.js";
import { byId, setText } from "./dom.js";
import { addToFeed, offerServices, resetFeed, setUpFeed } from "./feed.js";
import { setUpKeys } from "./keys.js";
import { showLetters } from "./letters.js";
import { resetServices, showServices } from "./services.js";
import { follow } from "./stream.js";
import { setUpTheme } from "./theme.js";
import { notice, setUpTimeline } from "./timeline.js";
import { setUpToken } from "./token.js";

const told = {
  state(all) {
    forgetCurves();
    resetServices(all);
    offerServices(all.services.map((row) => row.service));
    resetFeed(all.feed);
    showLetters(all.letters);
    showAgents(all.agents);
  },
  services(now) {
    showServices(now);
    offerServices(now.services.map((row) => row.service));
  },
  feed(fresh) {
    addToFeed(fresh);
    notice(fresh);
  },
  letters: showLetters,
  agents: showAgents,
};

function connection(state, why) {
  const pill = byId("connection");
  const said = { live: "live", cut: `${why}; trying again …`, refused: why, resting: "resting while out of sight" }[state];
  setText(pill, said);
  pill.className = `pill ${{ live: "good", cut: "warn", refused: "bad", resting: "" }[state]}`;
  document.body.classList.toggle("stale", state !== "live");
}

setUpTheme();
setUpToken();
setUpFeed();
setUpTimeline();
setUpKeys();
follow("/live/stream", (kind, data) => told[kind]?.(data), connection);
