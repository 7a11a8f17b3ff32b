// The page: pictures in, cards out.

import { element, reason, render, spoken } from "./card.js";
import { save, toCsv } from "./csv.js";
import { amend, forget, remember, seen, thumbnail } from "./history.js";
import { collect, hasKey, predict, Refused, uncollect, useKey } from "./service.js";
import { certainty, language, prefer, preferred, say, speak } from "./words.js";

const AT_ONCE = 2;
const AGAIN = new Set(["network", "rate_limited", "overloaded", "timeout", "stopping", "slow", "internal", "other"]);

const settings = JSON.parse(document.body.dataset.settings);
settings.megabytes = Math.floor(settings.max_picture_bytes / 2 ** 20);
settings.megapixels = Math.floor(settings.max_pixels / 1e6);

const at = (id) => document.getElementById(id);
const items = [];
const queue = [];
let running = 0;
let locked = false; // until there is a key
let numbers = 0;

function announce(text) {
  at("status").textContent = text;
}

function draw(item) {
  const old = item.card;
  // Typing on a card that is drawn anew must not throw anybody back to the top of the page.
  const held = old?.contains(document.activeElement) ? document.activeElement : null;
  const place = held && [...old.querySelectorAll("button, input, a")].indexOf(held);
  item.card = render(item, settings, actions);
  if (old) old.replaceWith(item.card);
  else at("cards").append(item.card);
  if (held) (item.card.querySelectorAll("button, input, a")[place] ?? item.card.querySelector("h3")).focus();
}

function tally() {
  const count = (test) => items.filter(test).length;
  const done = count((item) => item.label || item.error);
  const failed = count((item) => item.error);
  at("tally").textContent = say("tally", {
    done, all: items.length, failed,
    present: count((item) => item.label === "present"), unsure: count((item) => item.label === "unsure"),
  });
  at("progress").max = Math.max(1, items.length);
  at("progress").value = done;
  at("progress").hidden = done === items.length;
  at("save").disabled = done === 0;
  at("results").hidden = items.length === 0;
}

// On a phone the answers begin below the edge of the screen: whoever just chose pictures is taken there.
function show(target) {
  const { top } = target.getBoundingClientRect();
  if (top >= 0 && top < innerHeight / 2) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
}

function add(files) {
  const before = items.length;
  for (const file of files) {
    const item = {
      number: (numbers += 1), file, name: file.name || "picture", url: URL.createObjectURL(file), opacity: 0.4,
      label: null, probability: null, novelty: null, error: null, waiting: () => say("waiting"), kept: Promise.resolve(null),
    };
    item.cantShow = () => cantShow(item);
    items.push(item);
    queue.push(item);
    draw(item);
  }
  tally();
  if (items.length > before) show(before ? items[before].card : at("results"));
  pump();
}

function pump() {
  while (running < AT_ONCE && queue.length && !locked) {
    running += 1;
    look(queue.shift()).finally(() => {
      running -= 1;
      pump();
    });
  }
}

async function look(item) {
  const wait = (text) => {
    item.waiting = text;
    if (items.includes(item)) draw(item);
  };
  wait(() => say("sending"));
  try {
    if (item.file.size > settings.max_picture_bytes) throw new Refused("too_large", "not sent");
    const answer = await predict(item.file, "layer", (seconds) => wait(() => say("busy", { seconds })));
    Object.assign(item, { label: answer.label, probability: answer.probability, novelty: answer.novelty });
    item.layer = `data:image/png;base64,${answer.heatmap}`;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.code === "unauthorized") {
      lock(item, wait);
      return;
    }
    item.error = { code: error.code, message: error.message, again: AGAIN.has(error.code) };
  }
  if (!items.includes(item)) return; // cleared meanwhile
  if (item.label && item.unshowable) void redraw(item);
  draw(item);
  tally();
  const last = items.every((one) => one.label || one.error);
  announce(spoken(item, settings) + (last && items.length > 1 ? ` ${say("finished", { count: items.length })}` : ""));
  if (item.label) item.kept = keep(item);
}

function lock(item, wait) {
  wait(() => say("needsKey"));
  queue.unshift(item);
  if (locked) return;
  locked = true;
  at("key").hidden = false;
  at("key-help").dataset.t = hasKey() ? "keyWrong" : "keyHelp";
  at("key-help").textContent = say(at("key-help").dataset.t);
  announce(at("key-title").textContent);
  at("key-input").focus();
}

// A browser that can't show a picture is sent one that it can: the drawing with the heatmap.
function cantShow(item) {
  if (item.unshowable) return;
  item.unshowable = true;
  draw(item);
  if (item.label) void redraw(item);
}

async function redraw(item) {
  try {
    const answer = await predict(item.file, "png", () => {});
    item.drawing = `data:image/png;base64,${answer.heatmap}`;
    if (items.includes(item)) draw(item);
  } catch { /* the sentence that it can't be shown stays */ }
}

async function keep(item) {
  const { name, label, probability, novelty } = item;
  const id = await remember({ name, label, probability, novelty, time: Date.now(), thumbnail: await thumbnail(item.file) });
  await showHistory();
  return id;
}

const actions = {
  again(item) {
    item.error = null;
    item.waiting = () => say("waiting");
    queue.push(item);
    draw(item);
    tally();
    pump();
  },
  async collect(item, answer) {
    item.collected = { busy: true, text: () => say("collecting") };
    draw(item);
    try {
      const given = await collect(item.file, answer);
      item.collected = { ...given, text: () => say("collected") };
      await amend(await item.kept, { given });
      await showHistory();
    } catch (error) {
      item.collected = { text: () => say("collectFailed", { reason: reason(error, settings) }) };
    }
    settle(item);
  },
  async uncollect(item) {
    try {
      await take(item.collected);
      item.collected = { closed: true, text: () => say("uncollected") };
      await amend(await item.kept, { given: null });
      await showHistory();
    } catch (error) {
      item.collected = { ...item.collected, text: () => say("uncollectFailed", { reason: reason(error, settings) }) };
    }
    settle(item);
  },
};

function settle(item) {
  draw(item);
  announce(item.collected.text());
}

// What is gone already is deleted, too.
async function take(given) {
  try {
    await uncollect(given);
  } catch (error) {
    if (error.code !== "not_found") throw error;
  }
}

let entries = []; // of the history
let shown = []; // addresses of the small copies

async function showHistory() {
  entries = await seen();
  drawHistory();
}

function drawHistory() {
  shown.forEach((url) => URL.revokeObjectURL(url));
  shown = [];
  const time = new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" });
  at("past").replaceChildren(...entries.map((entry) => {
    let small = element("span", { class: "none" });
    if (entry.thumbnail) {
      const url = URL.createObjectURL(entry.thumbnail);
      shown.push(url);
      small = element("img", { src: url, alt: "" });
    }
    const text = element("div", {}, element("strong", {}, say(entry.label)),
      element("div", {}, certainty(entry)),
      element("div", { class: "quiet" }, element("bdi", {}, entry.name), ` · ${time.format(entry.time)}`));
    if (entry.given && settings.collect) {
      text.append(element("button", { type: "button", onclick: () => takeBack(entry) }, say("uncollect")));
    }
    return element("li", {}, small, text);
  }));
  if (!entries.length) at("past").append(element("li", {}, say("historyNone")));
  at("given").hidden = !(settings.collect && entries.some((entry) => entry.given));
  at("forget").disabled = entries.length === 0;
  at("history-title").textContent = say("historyTitle", { count: entries.length });
}

async function takeBack(entry) {
  try {
    await take(entry.given);
    await amend(entry.id, { given: null });
    await showHistory();
    announce(say("uncollected"));
  } catch (error) {
    announce(say("uncollectFailed", { reason: reason(error, settings) }));
  }
  at("history").querySelector("summary").focus();
}

function speakAnew(wanted) {
  speak(wanted);
  announce("");
  at("limits").textContent = say("limits", settings);
  at("privacy").textContent = settings.collect ? say("collectNotice", { days: settings.collect_days }) : say("privacyPlain");
  at("privacy").className = settings.collect ? "notice" : "quiet";
  items.forEach(draw);
  tally();
  drawHistory();
}

for (const id of ["files", "camera"]) {
  at(id).addEventListener("change", () => {
    add(at(id).files);
    at(id).value = ""; // so that the same picture can be chosen again
  });
}
addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) add(event.clipboardData.files);
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
for (const name of ["dragleave", "drop"]) addEventListener(name, () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  add(event.dataTransfer.files);
});
at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(at("key-input").value);
  at("key-input").value = "";
  at("key").hidden = true;
  locked = false;
  at("files").focus();
  pump();
});
at("save").addEventListener("click", () =>
  save(toCsv(items.filter((item) => item.label || item.error)), `hornet-${new Date().toISOString().slice(0, 10)}.csv`));
at("clear").addEventListener("click", () => {
  items.forEach((item) => URL.revokeObjectURL(item.url));
  items.length = queue.length = 0;
  at("cards").replaceChildren();
  tally();
  announce(say("cleared"));
  at("files").focus();
});
at("forget").addEventListener("click", async () => {
  await forget();
  await showHistory();
  announce(say("forgotten"));
  at("history").querySelector("summary").focus();
});
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    prefer(button.dataset.language);
    speakAnew(button.dataset.language);
  });
}
speakAnew(preferred());
void showHistory();
