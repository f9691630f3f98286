// The bearer token of this tab: asked for where the API wants one, and for sending dead letters again.

import { byId } from "./dom.js";

const KEPT = "stratafold.token";
const dialog = byId("token-dialog");
const input = byId("token-input");
let answers = [];

export const token = () => sessionStorage.getItem(KEPT);

// Resolves to whether there is a token now that the user gave after reading why.
export function askForToken(why) {
  byId("token-why").textContent = why;
  input.value = token() ?? "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => answers.push(resolve));
}

function answer(given) {
  for (const resolve of answers.splice(0)) resolve(given);
}

function tellButton() {
  byId("token-button").textContent = token() ? "Token: set" : "Token";
}

export function setUpToken() {
  byId("token-button").addEventListener("click", () => {
    askForToken("Needed from another machine than the API's, and for sending dead letters again.");
  });
  byId("token-form").addEventListener("submit", () => {
    const given = input.value.trim();
    if (given) sessionStorage.setItem(KEPT, given);
    tellButton();
    answer(Boolean(given));
  });
  byId("token-forget").addEventListener("click", () => {
    sessionStorage.removeItem(KEPT);
    tellButton();
    dialog.close();
  });
  byId("token-cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => answer(false));
  tellButton();
}
