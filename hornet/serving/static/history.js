// What was looked at in this browser: in IndexedDB, never sent.

const NAME = "hornet";
const STORE = "seen";
const MOST = 300;
const SIDE = 144; // px of a small copy, twice its size on the page

let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id", autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function within(mode, action) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode);
    const request = action(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

/** A small copy of a picture, cut square, as a blob; null if the browser can't read it. */
export async function thumbnail(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const side = Math.min(bitmap.width, bitmap.height);
    canvas.getContext("2d").drawImage(
      bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, SIDE, SIDE);
    bitmap.close();
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
  } catch {
    return null;
  }
}

/** Add an entry and return its number; the oldest ones make room. A private window may refuse: then nothing is kept. */
export async function remember(entry) {
  try {
    const id = await within("readwrite", (store) => store.add(entry));
    const old = await within("readonly", (store) => store.getAll(IDBKeyRange.upperBound(id - MOST)));
    for (const one of old) {
      // What was given to a server stays, or nobody could delete it there.
      if (!one.given) await within("readwrite", (store) => store.delete(one.id));
    }
    return id;
  } catch {
    return null;
  }
}

/** Change some values of an entry. */
export async function amend(id, values) {
  if (id === null) return;
  try {
    const entry = await within("readonly", (store) => store.get(id));
    if (entry) await within("readwrite", (store) => store.put({ ...entry, ...values }));
  } catch { /* kept nothing: nothing to change */ }
}

/** All entries, the newest first. */
export async function seen() {
  try {
    return (await within("readonly", (store) => store.getAll())).reverse();
  } catch {
    return [];
  }
}

/** Delete all entries. */
export async function forget() {
  try {
    await within("readwrite", (store) => store.clear());
  } catch { /* nothing was kept */ }
}
