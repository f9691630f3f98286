// Server-sent events over fetch, since EventSource can't carry a token; comes again whenever it is cut.

import { Problem, ask } from "./api.js";
import { askForToken } from "./token.js";

const FIRST_WAIT = 500; // ms, doubled up to the longest
const LONGEST_WAIT = 8_000;
const SILENCE = 20_000; // ms without a word, after which the connection is taken for dead
const UNSEEN = 5_000; // ms out of sight, after which the stream is let go: a browser has few connections to one host

// Calls told(kind, data) for each event, and state("live" | "cut" | "refused" | "resting", why).
export async function follow(path, told, state) {
  let wait = FIRST_WAIT;
  for (;;) {
    try {
      await read(path, (kind, data) => {
        wait = FIRST_WAIT;
        state("live");
        told(kind, data);
      });
      state("cut", "the API went away");
    } catch (problem) {
      if (outOfSight()) {
        state("resting");
        await inSight();
        wait = FIRST_WAIT;
        continue;
      }
      if (problem instanceof Problem && (problem.status === 401 || problem.status === 403)) {
        state("refused", problem.message);
        await askForToken(`The API says: ${problem.message}. This page needs a token with the scope live:read.`);
      } else {
        state("cut", problem instanceof Problem ? problem.message : "the API does not answer");
      }
    }
    await new Promise((resolve) => setTimeout(resolve, wait * (0.75 + Math.random() / 2)));
    wait = Math.min(2 * wait, LONGEST_WAIT);
  }
}

const outOfSight = () => document.visibilityState === "hidden";

function inSight() {
  return new Promise((resolve) => {
    const look = () => {
      if (outOfSight()) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}

async function read(path, told) {
  const cutting = new AbortController();
  let silent;
  const seen = () => setTimeout(() => outOfSight() && cutting.abort(), UNSEEN);
  document.addEventListener("visibilitychange", seen);
  const heard = () => {
    clearTimeout(silent);
    silent = setTimeout(() => cutting.abort(), SILENCE);
  };
  heard();
  try {
    const answer = await ask(path, { signal: cutting.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let unread = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      const events = (unread + value).split("\n\n");
      unread = events.pop();
      for (const event of events) tell(event, told);
    }
  } finally {
    document.removeEventListener("visibilitychange", seen);
    clearTimeout(silent);
    cutting.abort();
  }
}

function tell(event, told) {
  const fields = {};
  for (const line of event.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  if (fields.event && fields.data) told(fields.event, JSON.parse(fields.data));
}
