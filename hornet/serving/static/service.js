// Asking the server: one picture a request, so that each has its own progress and its own error.

const KEY = "hornet-key";
const TRIES = 5;
const LONGEST_WAIT = 30; // seconds

let key = "";
try {
  key = sessionStorage.getItem(KEY) ?? "";
} catch { /* storage is forbidden: the key lives as long as the page */ }

/** Use a key from now on, as long as this tab is open. */
export function useKey(wanted) {
  key = wanted.trim();
  try {
    sessionStorage.setItem(KEY, key);
  } catch { /* see above */ }
}

/** Whether a key is in use. */
export const hasKey = () => key !== "";

/** Why there is no answer; `code` is one of the server's, or `network` or `other`. */
export class Refused extends Error {
  constructor(code, message = "") {
    super(message);
    this.code = code;
  }
}

async function ask(method, address, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(address, {
      method, body, credentials: "same-origin", headers: { ...headers, ...(key ? { "X-API-Key": key } : {}) },
    });
  } catch {
    throw new Refused("network", "the server can't be reached");
  }
  const document = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const failure = document.results?.[0]?.error ?? document;
    const refused = new Refused(failure.code ?? "other", failure.message ?? `status ${answer.status}`);
    refused.wait = Number(answer.headers.get("Retry-After")) || 0;
    throw refused;
  }
  return document;
}

const TRANSIENT = new Set(["rate_limited", "overloaded"]);

/** Ask, and ask again while the server is busy; `waits` is told for how many seconds. */
async function patiently(waits, ...request) {
  for (let at = 1; ; at += 1) {
    try {
      return await ask(...request);
    } catch (error) {
      if (!TRANSIENT.has(error.code) || at === TRIES) throw error;
      const seconds = Math.min(LONGEST_WAIT, Math.max(1, error.wait) + at - 1);
      waits(seconds);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }
}

const PICTURE = { "Content-Type": "application/octet-stream" };

/** The answer to one picture: label, probability, novelty, heatmap (`layer`: to lay over it; `png`: picture and map). */
export async function predict(file, heatmap, waits) {
  const document = await patiently(waits, "POST", `/predict?heatmap=${heatmap}`, file, PICTURE);
  return document.results[0];
}

/** Give a picture and what is on it to the server, for training; returns what deletes it again. */
export const collect = (file, answer) => patiently(() => {}, "POST", `/collect?answer=${answer}`, file, PICTURE);

/** Delete what was given. */
export const uncollect = ({ picture, token }) =>
  ask("DELETE", `/collect/${picture}`, undefined, { "X-Deletion-Token": token });
