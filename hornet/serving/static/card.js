// One picture on the page: the picture, where the program looked, the verdict, what to do.

import { certainty, isNovel, percent, say, sayError } from "./words.js";

/** Make an element; children may be strings, nodes, or nothing. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Shapes as well as colours and words: an exclamation mark, a tick, a question mark, a cross, dots.
const SHAPES = {
  present: "M16 3 30 28H2zM16 12v8M16 24v.1",
  absent: "M16 3a13 13 0 1 0 0 26 13 13 0 1 0 0-26M10 16l4 5 8-10",
  unsure: "M16 3a13 13 0 1 0 0 26 13 13 0 1 0 0-26M12 12.500c0-5 8-5 8 0 0 3-4 3-4 6M16 22.500v.1",
  failed: "M16 3a13 13 0 1 0 0 26 13 13 0 1 0 0-26M11 11l10 10M21 11 11 21",
  waiting: "M8 16v.1M16 16v.1M24 16v.1",
};

function shape(kind) {
  const SVG = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 32 32");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[kind]);
  drawing.append(path);
  return drawing;
}

/** The answer to a picture in one sentence, for ears. */
export function spoken(item, settings) {
  const { name } = item;
  if (item.error) return say("saidFailed", { name, reason: reason(item.error, settings) });
  return say("said", { name, verdict: say(item.label).replace(/\s*!$/, ""), chance: certainty(item).replace(/\.$/, "") });
}

/** An error in plain words. */
export const reason = (error, settings) => sayError(error.code, settings);

function picture(item) {
  if (item.error && item.unshowable) return null;
  if (item.drawing) {
    const image = element("img", { src: item.drawing, alt: say("drawingOf", { name: item.name }), decoding: "async" });
    return element("div", { class: "picture" }, element("div", { class: "stack" }, image));
  }
  if (item.unshowable) return element("div", { class: "picture" }, element("p", { class: "blank" }, say("noPreview")));
  const image = element("img", { src: item.url, alt: say("pictureOf", { name: item.name }), decoding: "async" });
  image.addEventListener("error", () => item.cantShow());
  const stack = element("div", { class: "stack" }, image);
  if (item.layer) stack.append(element("img", { class: "layer", src: item.layer, alt: "" }));
  return element("div", { class: "picture" }, stack);
}

function slider(item, card) {
  const id = `look-${item.number}`;
  const input = element("input", { id, type: "range", min: 0, max: 100, step: 5, "aria-describedby": `${id}-help` });
  const show = () => {
    item.opacity = Number(input.value) / 100;
    card.querySelector(".layer").style.opacity = String(item.opacity);
    input.setAttribute("aria-valuetext", say("lookValue", { share: percent(item.opacity) }));
  };
  input.value = String(item.opacity * 100);
  input.addEventListener("input", show);
  const box = element("div", { class: "look" },
    element("label", { for: id }, say("look")), input,
    element("p", { id: `${id}-help`, class: "quiet" }, say("lookHelp")));
  return [box, show];
}

function next(item, settings) {
  const box = element("div", { class: "next" }, element("p", {}, say("next")), element("p", {}, say(`${item.label}Next`)));
  if (item.label === "absent") return box;
  if (!settings.report) box.append(element("p", {}, say(`${item.label}Tell`)));
  else {
    box.append(element("a", { class: "button", href: settings.report, target: "_blank", rel: "noopener noreferrer" },
      say(item.label === "present" ? "report" : "ask"), element("span", { class: "unseen" }, ` ${say("newTab")}`)));
  }
  return box;
}

function asks(item, actions) {
  const box = element("div", { class: "ask" });
  const message = item.collected?.text?.();
  if (message) box.append(element("p", {}, message));
  if (item.collected?.token) {
    box.append(element("button", { type: "button", class: "uncollect", onclick: () => actions.uncollect(item) }, say("uncollect")));
  } else if (!item.collected?.closed) {
    const choices = item.label === "unsure" ? [["isThere", "present"], ["noneThere", "absent"]]
      : [["yes", item.label], ["no", item.label === "present" ? "absent" : "present"]];
    const id = `ask-${item.number}`;
    box.append(
      element("p", { id }, say(item.label === "unsure" ? "asksIs" : "asksRight")),
      element("div", { class: "buttons", role: "group", "aria-labelledby": id, "aria-describedby": `${id}-help` },
        ...choices.map(([word, answer]) =>
          element("button", { type: "button", disabled: Boolean(item.collected?.busy), onclick: () => actions.collect(item, answer) },
            say(word)))),
      element("p", { id: `${id}-help`, class: "quiet" }, say("collectHelp")));
  }
  return box;
}

/** Draw a picture's card anew; `actions` has again, collect, uncollect. */
export function render(item, settings, actions) {
  const kind = item.error ? "failed" : item.label ?? "waiting";
  const title = item.error ? say("failed") : item.label ? say(item.label) : item.waiting();
  const heading = element("h3", { class: "verdict", id: `verdict-${item.number}`, tabindex: -1 }, shape(kind), element("span", {}, title));
  const words = element("div", { class: "words" }, heading, element("p", { class: "name" }, element("bdi", {}, item.name)));
  const card = element("li", { class: `card ${kind}`, "aria-labelledby": `verdict-${item.number}` },
    ...[picture(item), words].filter(Boolean));
  if (item.error) {
    words.append(element("p", {}, reason(item.error, settings)));
    if (item.error.again) {
      words.append(element("button", { type: "button", onclick: () => actions.again(item) }, say("again")));
    }
  } else if (item.label) {
    words.append(element("p", {}, certainty(item)));
    if (!isNovel(item)) { // a number would be taken for an answer
      const bar = element("div");
      bar.style.width = `${Math.round(item.probability * 100)}%`;
      words.append(element("div", { class: "meter", "aria-hidden": "true" }, bar));
    }
    if (item.layer && !item.unshowable && !item.drawing) {
      const [box, show] = slider(item, card);
      words.append(box);
      show();
    }
    words.append(next(item, settings));
    if (settings.collect) words.append(asks(item, actions));
  }
  return card;
}
