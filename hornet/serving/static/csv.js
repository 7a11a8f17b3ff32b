// Results as a file, with the columns of `hornet predict`.

const COLUMNS = ["path", "label", "probability", "error"];

/** A cell of CSV (RFC 4180). What a spreadsheet would take for a formula begins with an apostrophe. */
export function cell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** All rows as CSV; `rows` have name, label, probability, error. */
export function toCsv(rows) {
  const lines = rows.map((row) => [
    row.name,
    row.label ?? "",
    row.probability === null ? "" : row.probability.toFixed(6),
    row.error ? `${row.error.code}: ${row.error.message}` : "",
  ]);
  return [COLUMNS, ...lines].map((fields) => fields.map(cell).join(",") + "\n").join("");
}

/** Let the browser save a text as a file. */
export function save(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
