// The language of the page: chosen by hand, else the browser's.

import { english } from "./english.js";
import { french } from "./french.js";

const LANGUAGES = { en: english, fr: french };
const KEY = "hornet-language";

let current = "en";

/** The language in use, `en` or `fr`. */
export const language = () => current;

/** A text of the page. */
export function say(key, values = {}) {
  const text = LANGUAGES[current][key];
  return typeof text === "function" ? text(values) : text;
}

/** What an error code means, in plain words. */
export function sayError(code, values) {
  const errors = LANGUAGES[current].errors;
  const text = Object.hasOwn(errors, code) ? errors[code] : errors.other;
  return typeof text === "function" ? text(values) : text;
}

/** A share of one as whole percents; never 0 % or 100 % for what is neither. */
export function percent(share) {
  const written = (value) => new Intl.NumberFormat(current, { style: "percent" }).format(value);
  if (share > 0.99 && share < 1) return say("above", { share: written(0.99) });
  if (share < 0.01 && share > 0) return say("below", { share: written(0.01) });
  return written(share);
}

/** Sentences that two parts of the page share: `Chance: 97 %`. */
export const chance = (probability) => say("probability", { share: percent(probability) });

/** Whether the model has seen nothing like a picture: beyond its limit, which is 1. */
export const isNovel = ({ novelty }) => (novelty ?? 0) > 1;

/** How sure the program is of a picture, or why it doesn't guess. */
export const certainty = (item) => (isNovel(item) ? say("novel") : chance(item.probability));

/** Take a language, fill the texts of the document, and remember it. */
export function speak(wanted) {
  current = wanted in LANGUAGES ? wanted : "en";
  document.documentElement.lang = current;
  document.title = say("title");
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = say(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", say(node.dataset.tLabel));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === current));
  }
}

/** What was chosen before, else the first language of the browser that is known here. */
export function preferred() {
  try {
    const kept = localStorage.getItem(KEY);
    if (kept in LANGUAGES) return kept;
  } catch { /* storage is forbidden: the browser's language is good enough */ }
  return navigator.languages.map((name) => name.slice(0, 2).toLowerCase()).find((name) => name in LANGUAGES) ?? "en";
}

/** Remember a choice. */
export function prefer(wanted) {
  try {
    localStorage.setItem(KEY, wanted);
  } catch { /* then only for this visit */ }
}
