// Light, dark, or as the system has it.

import { byId } from "./dom.js";

const KEPT = "stratafold.theme";
const THEMES = ["auto", "light", "dark"];

export function nextTheme() {
  use(THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length]);
}

export function setUpTheme() {
  byId("theme-button").addEventListener("click", nextTheme);
  use(current());
}

const current = () => (THEMES.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "auto");

function use(theme) {
  localStorage.setItem(KEPT, theme);
  document.documentElement.dataset.theme = theme;
  byId("theme-button").textContent = `Theme: ${theme}`;
}
