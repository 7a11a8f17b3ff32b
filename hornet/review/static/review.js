// The page: one picture at a time, an answer, the next.

import { element } from "./card.js";
import { chance, language, prefer, preferred, say, sayError, speak } from "./words.js";

const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];
const LARGEST_FIT = 4; // small pictures are enlarged so many times to fill the stage, and no more
const SINGLE = "hornet-review-keys";

const at = (id) => document.getElementById(id);
const known = new Map(); // what the server says of pictures
const skipped = new Set();
const done = []; // for undo: { place, before } or { place, skip }
let labels = []; // of all pictures, null where there is none
let here = -1; // at the end: as many as there are
let facts = null; // of the picture here
let seen = false; // it can be looked at
let busy = false;
let zoom = 0;
let mapped = false;
let single = true;

class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(path, body === undefined ? {} : {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
  } catch {
    throw new Refused("network", path);
  }
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(document.code ?? "other", document.message ?? "");
  return document;
}

const announce = (text) => { at("status").textContent = text; };

function complain(error) {
  at("problem").hidden = !error;
  at("problem").textContent = error ? sayError(error.code, { message: error.message }) : "";
}

function tally() {
  const answered = labels.filter(Boolean).length;
  const count = (label) => labels.filter((one) => one === label).length;
  at("tally").textContent = say("tally", {
    answered, all: labels.length, present: count("present"), absent: count("absent"), skipped: skipped.size,
  });
  at("progress").max = Math.max(1, labels.length);
  at("progress").value = answered;
}

/** The next picture without an answer, from a place on and around; -1: there is none. */
function open(from) {
  for (let step = 0; step < labels.length; step += 1) {
    const place = (from + step) % labels.length;
    if (!labels[place] && !skipped.has(place)) return place;
  }
  return -1;
}

async function describe(place) {
  if (!known.has(place)) known.set(place, await ask(`api/pictures/${place}`));
  return known.get(place);
}

async function go(place, said = "") {
  here = place;
  facts = null;
  seen = false;
  zoom = 0;
  const ended = place < 0 || place >= labels.length;
  const wasEnd = !at("end").hidden;
  at("sheet").hidden = ended;
  at("end").hidden = !ended;
  draw();
  if (ended) {
    here = labels.length;
    announce(`${said} ${at("end-title").textContent}`.trim());
    at("end-title").focus();
    return;
  }
  if (wasEnd) at("place").focus();
  const picture = at("picture");
  picture.src = `pictures/${place}`;
  showLayer();
  try {
    const found = await describe(place);
    if (here !== place) return;
    facts = found;
    draw();
    announce(`${said} ${at("place").textContent}. ${[...at("reasons").children].map((one) => one.textContent).join(" ")}`.trim());
    const next = open(place + 1);
    if (next >= 0 && next !== place) void describe(next).catch(() => {}); // ready when it is wanted
  } catch (error) {
    complain(error);
  }
}

function draw() {
  tally();
  const ended = here < 0 || here >= labels.length;
  at("end-undo").hidden = !done.length;
  at("skipped").hidden = !skipped.size;
  at("skipped").textContent = say("showSkipped", { count: skipped.size });
  at("end-text").textContent = say("endText", { left: labels.filter((one) => !one).length });
  at("undo").setAttribute("aria-disabled", String(!done.length));
  if (ended) return;
  const label = labels[here];
  at("place").textContent = say("place", { number: here + 1, all: labels.length });
  at("given").textContent = label ? say("given", { label }) : skipped.has(here) ? say("wasSkipped") : "";
  at("given").className = `given ${label ?? ""}`;
  for (const id of ["present", "absent"]) {
    at(id).setAttribute("aria-pressed", String(label === id));
    at(id).setAttribute("aria-disabled", String(!seen));
  }
  at("back").setAttribute("aria-disabled", String(here === 0));
  at("on").setAttribute("aria-disabled", String(here === labels.length - 1));
  at("sheet").classList.toggle("waiting-for-it", !seen);
  at("reasons").replaceChildren(...(facts?.reasons ?? []).map((one) => element("li", {}, say(`reason_${one.code}`, one))));
  at("verdict").textContent = facts ? say("verdict", { label: facts.verdict, chance: chance(facts.probability) }) : "";
  at("facts").replaceChildren(...(facts ? [element("bdi", {}, facts.name), ...when(facts)] : []));
  at("picture").alt = facts ? say("pictureOf", { name: facts.name }) : "";
  at("stage").setAttribute("aria-label", say("stage"));
  at("blank").textContent = say("gone");
  drawZoom();
}

function when({ captured_at: text, camera }) {
  let moment = text;
  const time = new Date(text.length === 10 ? `${text}T00:00:00` : text);
  if (text && !Number.isNaN(time.getTime())) {
    const style = text.length === 10 ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "medium" };
    moment = new Intl.DateTimeFormat(language(), style).format(time);
  }
  return [moment, camera].filter(Boolean).map((one) => ` · ${one}`);
}

// The picture fills the stage; zoomed it scrolls.

function drawZoom(centre) {
  const picture = at("picture");
  const stage = at("stage");
  if (!picture.naturalWidth) return;
  const fit = Math.min(stage.clientWidth / picture.naturalWidth, stage.clientHeight / picture.naturalHeight, LARGEST_FIT);
  const before = { width: at("stack").offsetWidth, height: at("stack").offsetHeight };
  const [x, y] = centre ?? [
    (stage.scrollLeft + stage.clientWidth / 2) / Math.max(before.width, stage.clientWidth),
    (stage.scrollTop + stage.clientHeight / 2) / Math.max(before.height, stage.clientHeight),
  ];
  const factor = fit * ZOOMS[zoom];
  at("stack").style.width = `${Math.floor(picture.naturalWidth * factor)}px`;
  at("stack").style.height = `${Math.floor(picture.naturalHeight * factor)}px`;
  stage.classList.toggle("zoomed", zoom > 0);
  stage.scrollLeft = x * at("stack").offsetWidth - stage.clientWidth / 2;
  stage.scrollTop = y * at("stack").offsetHeight - stage.clientHeight / 2;
  at("smaller").setAttribute("aria-disabled", String(zoom === 0));
  at("larger").setAttribute("aria-disabled", String(zoom === ZOOMS.length - 1));
}

function enlarge(step, centre) {
  const wanted = Math.min(ZOOMS.length - 1, Math.max(0, zoom + step));
  if (wanted === zoom || !seen) return;
  zoom = wanted;
  drawZoom(centre);
  announce(say("zoomed", { factor: ZOOMS[zoom] }));
}

function showLayer() {
  at("heatmap").setAttribute("aria-pressed", String(mapped));
  at("legend").hidden = !mapped;
  at("layer").hidden = true;
  if (mapped && here >= 0 && here < labels.length) at("layer").src = `layers/${here}`;
}

// What people do.

async function answer(label) {
  if (busy || !seen) return;
  const place = here;
  busy = true;
  try {
    const kept = await ask(`api/pictures/${place}`, { answer: label });
    labels[place] = label;
    done.push({ place, before: kept.before, skip: skipped.delete(place) });
    complain(null);
    await go(open(place + 1), say("said", { label }));
  } catch (error) {
    complain(error);
  } finally {
    busy = false;
  }
}

function skip() {
  if (busy || here < 0 || here >= labels.length) return;
  if (!labels[here]) {
    if (!skipped.has(here)) done.push({ place: here, skipped: true });
    skipped.add(here);
  }
  void go(open(here + 1), say("saidSkipped"));
}

async function undo() {
  if (busy || !done.length) return;
  busy = true;
  const last = done.at(-1);
  try {
    if (last.skipped) skipped.delete(last.place);
    else {
      await ask(`api/pictures/${last.place}`, { answer: last.before });
      labels[last.place] = last.before;
      if (last.skip) skipped.add(last.place);
    }
    done.pop();
    complain(null);
    await go(last.place, say("saidUndone"));
  } catch (error) {
    complain(error);
  } finally {
    busy = false;
  }
}

function move(step) {
  const wanted = here + step;
  if (busy || wanted < 0 || wanted >= labels.length) return;
  void go(wanted);
}

const actions = {
  present: () => answer("present"),
  absent: () => answer("absent"),
  skip,
  undo,
  back: () => move(-1),
  on: () => move(1),
  heatmap() {
    mapped = !mapped;
    showLayer();
    announce(say(mapped ? "mapOn" : "mapOff"));
  },
  smaller: () => enlarge(-1),
  larger: () => enlarge(1),
  skipped() {
    skipped.clear();
    void go(open(0));
  },
  look: () => go(0),
  "end-undo": undo,
  "help-open"() {
    at("help").showModal();
    at("help-close").focus();
  },
  "help-close": () => at("help").close(),
  "end-finish": () => actions.finish(),
  async finish() {
    try {
      await ask("api/finish", {});
    } catch (error) {
      complain(error);
      return;
    }
    for (const id of ["sheet", "end", "finish", "help-open"]) at(id).hidden = true;
    complain(null);
    at("finished").hidden = false;
    at("finished-title").focus();
    here = labels.length;
    removeEventListener("keydown", pressed);
  },
};

const KEYS = {
  p: "present", 1: "present", a: "absent", 0: "absent", s: "skip", " ": "skip", u: "undo", Backspace: "undo",
  h: "heatmap", "+": "larger", "=": "larger", "-": "smaller", ArrowLeft: "back", ArrowRight: "on", "?": "help-open",
};

function pressed(event) {
  if (event.altKey || at("help").open || event.isComposing) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() !== "z" || event.shiftKey) return;
    event.preventDefault();
    void undo();
    return;
  }
  const arrow = event.key.startsWith("Arrow");
  if (!single && !arrow) return;
  if (event.repeat && !arrow) return; // a key that is held down answers once
  if (arrow && zoom > 0 && document.activeElement === at("stage")) return; // it scrolls
  if (event.key === " " && event.target.closest("button, input, summary, a")) return; // it presses that
  const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!name) return;
  event.preventDefault();
  void actions[name]();
}

for (const [id, act] of Object.entries(actions)) {
  at(id).addEventListener("click", () => {
    if (at(id).getAttribute("aria-disabled") !== "true") void act();
  });
}
addEventListener("keydown", pressed);
addEventListener("resize", () => drawZoom());
at("picture").addEventListener("load", () => {
  seen = true;
  at("stack").hidden = false;
  at("blank").hidden = true;
  draw();
});
at("picture").addEventListener("error", () => {
  at("stack").hidden = true;
  at("blank").hidden = false;
  at("sheet").classList.remove("waiting-for-it");
  announce(say("gone"));
});
at("layer").addEventListener("load", () => { at("layer").hidden = !mapped; });

let drag = null;
at("stack").addEventListener("pointerdown", (event) => {
  if (event.pointerType !== "mouse" || event.button !== 0) return;
  drag = { x: event.clientX, y: event.clientY, moved: false };
  event.preventDefault(); // no ghost of the picture
});
addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.moved && Math.hypot(x, y) < 4) return;
  Object.assign(drag, { x: event.clientX, y: event.clientY, moved: true });
  at("stage").scrollBy(-x, -y);
});
addEventListener("pointerup", () => setTimeout(() => { drag = null; }));
at("stack").addEventListener("click", (event) => {
  if (drag?.moved || !seen) return;
  const box = at("stack").getBoundingClientRect();
  const centre = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  enlarge(zoom > 0 ? -zoom : ZOOMS.indexOf(3), centre);
});

at("single").addEventListener("change", () => {
  single = at("single").checked;
  try {
    localStorage.setItem(SINGLE, single ? "on" : "off");
  } catch { /* then only for this visit */ }
});

function speakAnew(wanted) {
  speak(wanted);
  announce("");
  complain(null);
  at("keys").replaceChildren(...say("keys").flatMap(([keys, what]) => [
    element("dt", {}, ...keys.flatMap((key, index) => [index ? " " : null, element("kbd", {}, key)])),
    element("dd", {}, what),
  ]));
  if (labels.length) draw();
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    prefer(button.dataset.language);
    speakAnew(button.dataset.language);
  });
}
try {
  single = localStorage.getItem(SINGLE) !== "off";
} catch { /* then they are on */ }
at("single").checked = single;
speakAnew(preferred());
try {
  const state = await ask("api/state");
  labels = state.labels;
  at("manifest").textContent = state.manifest;
  await go(open(0));
} catch (error) {
  complain(error);
}
